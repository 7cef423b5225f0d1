/** When an epoch that was not planned ahead is cut by time. Each row takes as long as the test says. */
import { expect, test } from 'vitest';
import { StreamExecutionEnvironment } from '../api/environment.ts';
import { runEmbedded } from '../embedded/executor.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../embedded/memory-state-store.ts';
import { CommittedRows } from '../testing/committed-rows.ts';
import { InstantClock } from '../testing/instant-clock.ts';
import { SplitSource } from '../testing/split-source.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';

const INTERVAL_MS = 1000;
const SPLIT_ROWS = 50;

/** Rows of each epoch. */
async function epochsOf(rows: number, msOf: (row: number) => number, isBounded = true): Promise<number[]> {
  let ms = 0;
  const clock = new InstantClock();
  clock.monotonicMs = () => ms;
  const splits = Array.from({ length: rows / SPLIT_ROWS }, () => Array.from({ length: SPLIT_ROWS }, () => 0));
  const source = new SplitSource(splits);
  Object.assign(source, { bounded: isBounded });
  let seen = 0;
  const env = new StreamExecutionEnvironment('j').enableCheckpointing(INTERVAL_MS);
  env
    .fromSource<number>(source, WatermarkStrategy.noWatermarks(), 'rows')
    .map((row) => {
      ms += msOf(seen++);
      return row;
    })
    .sinkTo(new CommittedRows());
  const epochs: number[] = [];
  await runEmbedded(env.toJobGraph(), env.settings(), {
    ports: { store: new MemoryStateStore(), blobs: new MemoryBlobStore(), log: null, clock },
    onEpoch: ({ counts }) => epochs.push(counts['recordsIn'] ?? 0),
  });
  return epochs.filter((n) => n > 0);
}

test('the rest of a bounded input is read to its end, if it is a quarter of the epoch at most', async () => {
  expect(await epochsOf(1200, () => 1)).toEqual([1200]);
  expect(await epochsOf(1400, () => 1)).toHaveLength(2);
  expect(await epochsOf(1200, () => 1, false)).toHaveLength(2);
});

test('but not for longer than a quarter of the interval', async () => {
  const [first, ...others] = await epochsOf(1200, (row) => (row < 1000 ? 1 : 5));
  expect(others).toHaveLength(1);
  expect(first).toBeGreaterThanOrEqual(1050);
  expect(first).toBeLessThan(1050 + SPLIT_ROWS);
});
