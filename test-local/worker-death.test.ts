/** A worker thread that dies or hangs is replaced within the epoch, and the job goes on: nothing lost, nothing doubled. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runEmbedded } from '../engine/embedded/executor.ts';
import { job } from './dying-worker-job.ts';

it.each([
  ['exits', /"why":"worker \d died \(exit code 3\)/],
  ['hangs', /"why":"it takes much longer than the others"/],
])('gives the subtask of a worker that %s in the middle of an epoch to another one', async (how, why) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-worker-'));
  const overrides = { flag: join(folder, 'flag'), output: join(folder, 'out'), how };
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
        stragglers: { factor: 4, floorMs: 1500 },
      },
      onNotice: (text, data) => notices.push(`${text} ${JSON.stringify(data)}`),
    },
  );
  expect(readFileSync(overrides.flag, 'utf8')).toBe(how);
  expect(notices.join('\n')).toMatch(why);
  expect(notices.join('\n')).not.toMatch(/restart strategy/);
  expect(result.counts).toMatchObject({ recordsIn: 20_000, reissues: 1 });
  const rows = readdirSync(overrides.output).flatMap((name) =>
    readFileSync(join(overrides.output, name), 'utf8').trimEnd().split('\n'),
  );
  expect(rows.map((row) => (JSON.parse(row) as { k: string }).k).toSorted()).toEqual(
    Array.from({ length: 50 }, (_, i) => `k${i}`).toSorted(),
  );
});
