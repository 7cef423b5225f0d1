/** executeAsync: a job is stopped, and goes on; or cancelled, and is restored as a new run or gone. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DataGeneratorSource } from '../../engine/connectors/datagen/index.ts';
import { FileSink, jsonEncoder } from '../../engine/connectors/files/index.ts';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import { StreamExecutionEnvironment, WatermarkStrategy, type CheckpointRetention } from '../../engine/index.ts';

const COUNT = 3000;

function environment(
  folder: string,
  retention: CheckpointRetention,
  rowsPerSecond?: number,
): StreamExecutionEnvironment {
  const env = StreamExecutionEnvironment.getExecutionEnvironment().enableCheckpointing(20);
  env.getCheckpointConfig().setCheckpointStorage(join(folder, 'state')).setExternalizedCheckpointRetention(retention);
  const throttle = rowsPerSecond === undefined ? {} : { rowsPerSecond };
  env
    .fromSource(
      new DataGeneratorSource({ generator: (i) => ({ k: i % 10, i }), count: COUNT, ...throttle }),
      WatermarkStrategy.noWatermarks(),
      'rows',
    )
    .keyBy('k')
    .max('i')
    .sinkTo(FileSink.forRowFormat<object>(join(folder, 'out'), jsonEncoder()).build());
  return env;
}

const rowsIn = (folder: string): number[] =>
  readdirSync(join(folder, 'out'))
    .flatMap((name) =>
      readFileSync(join(folder, 'out', name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
    .map((line) => (JSON.parse(line) as { i: number }).i)
    .toSorted((a, b) => a - b);
const everything = Array.from({ length: COUNT }, (_, i) => i);
const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

it('goes on where it was stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-client-'));
  const client = environment(folder, 'RETAIN_ON_CANCELLATION', 2000).executeAsync('stopped');
  await wait(300);
  const first = await client.stop();
  expect(first.ending).toBe('stopped');
  expect(first.counts['recordsIn']).toBeGreaterThan(0);
  expect(first.counts['recordsIn']).toBeLessThan(COUNT);
  const second = await environment(folder, 'RETAIN_ON_CANCELLATION').execute('stopped');
  expect(second.ending).toBe('finished');
  expect(second.counts).toMatchObject({ recordsIn: COUNT, recordsOut: COUNT });
  expect(rowsIn(folder)).toEqual(everything);
  expect((await environment(folder, 'RETAIN_ON_CANCELLATION').execute('stopped')).ending).toBe('finished before');
});

it('restores a retained checkpoint of a cancelled job as a new run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-client-'));
  const client = environment(folder, 'RETAIN_ON_CANCELLATION', 2000).executeAsync('cancelled');
  await wait(300);
  expect((await client.cancel()).ending).toBe('cancelled');
  const env = environment(folder, 'RETAIN_ON_CANCELLATION');
  expect((await env.execute('cancelled')).ending).toBe('cancelled before');
  const restored = await runEmbedded(env.toJobGraph(), env.settings(), { restore: true });
  expect(restored.ending).toBe('finished');
  expect(rowsIn(folder)).toEqual(everything);
  expect(new Set(readdirSync(join(folder, 'out')).map((name) => name.split('-e')[0])).size).toBe(2);
});

it('deletes the state of a cancelled job that asks for it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-client-'));
  const client = environment(folder, 'DELETE_ON_CANCELLATION', 2000).executeAsync('deleted');
  await wait(300);
  expect((await client.cancel()).ending).toBe('cancelled');
  const env = environment(folder, 'DELETE_ON_CANCELLATION');
  const restore = runEmbedded(env.toJobGraph(), env.settings(), { restore: true });
  await expect(restore).rejects.toThrow(/no checkpoint to restore/);
});
