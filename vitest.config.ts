import { defineConfig } from 'vitest/config';

/** Jobs that import 'millrace' get the sources, not an earlier build: in vite's resolution and in node's. */
const SOURCE = 'millrace-source';

export default defineConfig({
  ssr: { resolve: { conditions: [SOURCE, 'module', 'node', 'development|production'] } },
  test: {
    include: ['{engine,functions,infra,test-local,bench,scripts}/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    execArgv: [`--conditions=${SOURCE}`],
  },
});
