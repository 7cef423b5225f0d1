/** A worker thread that dies takes its attempt with it, is replaced, and the job goes on: nothing lost, nothing doubled. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runEmbedded } from '../engine/embedded/executor.ts';
import { job } from './dying-worker-job.ts';

it('replaces a worker that ends itself in the middle of an epoch', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-worker-'));
  const overrides = { flag: join(folder, 'flag'), output: join(folder, 'out') };
  const env = job.instantiate(overrides).setParallelism(2);
  const notices: string[] = [];
  const result = await runEmbedded(
    env.toJobGraph(),
    { ...env.settings(), stateDir: join(folder, 'state') },
    {
      fanOut: {
        mode: 'fanned-out',
        workers: 2,
        module: { jobUrl: new URL('dying-worker-job.ts', import.meta.url).href, overrides },
      },
      onNotice: (text, data) => notices.push(`${text} ${JSON.stringify(data)}`),
    },
  );
  expect(readFileSync(overrides.flag, 'utf8')).toBe('died');
  expect(notices.join('\n')).toMatch(/worker \d died \(exit code 3\)/);
  expect(result.counts).toMatchObject({ recordsIn: 20_000 });
  const rows = readdirSync(overrides.output).flatMap((name) =>
    readFileSync(join(overrides.output, name), 'utf8').trimEnd().split('\n'),
  );
  expect(rows.map((row) => (JSON.parse(row) as { k: string }).k).toSorted()).toEqual(
    Array.from({ length: 50 }, (_, i) => `k${i}`).toSorted(),
  );
});
