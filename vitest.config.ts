import { defineConfig } from 'vitest/config';

/** Jobs that import 'millrace' get the sources, not an earlier build: in vite's resolution and in node's. */
const SOURCE = 'millrace-source';

export default defineConfig({
  ssr: { resolve: { conditions: [SOURCE, 'node', 'development|production'] } },
  test: {
    include: ['{engine,functions,infra,test-local,bench,scripts}/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['test-local/servers/global-setup.ts'],
    testTimeout: 60_000,
    // What is waited for comes, on a busy machine late.
    expect: { poll: { timeout: 20_000 } },
    // The first useServer on a machine downloads the server.
    hookTimeout: 900_000,
    execArgv: [`--conditions=${SOURCE}`],
  },
});
