/** rebalance, shuffle, global, partitionCustom, composite keys: every row arrives once, however the job is packed or fanned out. */
import { describe, expect, test } from 'vitest';
import type { DataStream } from '../../api/data-stream.ts';
import { runInMemory } from '../run-in-memory.ts';

const ROWS = Array.from({ length: 100 }, (_, i) => i);
const WAYS: Readonly<Record<string, (rows: DataStream<number>) => DataStream<number>>> = {
  rebalance: (rows) => rows.rebalance(),
  rescale: (rows) => rows.rescale(),
  shuffle: (rows) => rows.shuffle(),
  global: (rows) => rows.global(),
  forward: (rows) => rows.forward(),
  partitionCustom: (rows) =>
    rows.partitionCustom(
      (key: number, n) => key % n,
      (x) => x,
    ),
};

const sorted = (values: readonly unknown[]): number[] => (values as number[]).slice().sort((a, b) => a - b);

describe.each(Object.keys(WAYS))('%s', (name) => {
  const dealt = WAYS[name]!;
  test.each([{ subtasks: 1 }, { subtasks: 4 }, { workers: 3 }])('loses and doubles nothing, %j', async (packing) => {
    const run = await runInMemory(
      ({ env, sink }) => {
        const rows = env.fromData(...ROWS);
        dealt(rows)
          .map((x) => x * 2)
          .setParallelism(3)
          .sinkTo(sink('mapped'));
        dealt(rows).sinkTo(sink('straight')).setParallelism(3);
        // Behind a keyed operator as well.
        dealt(
          rows
            .keyBy((x) => x % 7)
            .reduce((a, b) => a + b)
            .map(() => 1),
        )
          .filter(() => true)
          .sinkTo(sink('behind'));
      },
      { rowsPerEpoch: 17, ...packing },
    );
    expect(sorted(run.values('mapped'))).toEqual(ROWS.map((x) => x * 2));
    expect(sorted(run.values('straight'))).toEqual(ROWS);
    expect(run.values('behind')).toHaveLength(100);
  });
});

test('union of a stream that is dealt out and one that is not', async () => {
  const run = await runInMemory(({ env, sink }) => {
    env
      .fromData(1, 2)
      .rebalance()
      .union(env.fromData(3))
      .map((x) => x)
      .sinkTo(sink('out'));
  });
  expect(sorted(run.values('out'))).toEqual([1, 2, 3]);
});

test('a partition that does not exist is an error that says what is allowed', async () => {
  const run = runInMemory(({ env, sink }) => {
    env
      .fromData(1)
      .partitionCustom(
        () => 3,
        (x) => x,
      )
      .map((x) => x)
      .setParallelism(3)
      .sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/returned 3; return a whole number from 0 to 2/);
});

test('a key of several fields', async () => {
  const run = await runInMemory(({ env, sink }) => {
    env
      .fromData({ a: 1, b: 'x', n: 1 }, { a: 1, b: 'y', n: 2 }, { a: 1, b: 'x', n: 3 })
      .keyBy('a', 'b')
      .sum('n')
      .sinkTo(sink('out'));
  });
  expect(run.values('out')).toEqual([
    { a: 1, b: 'x', n: 1 },
    { a: 1, b: 'y', n: 2 },
    { a: 1, b: 'x', n: 4 },
  ]);
});

test('operators that ask for different max parallelisms are refused', async () => {
  const run = runInMemory(({ env, sink }) => {
    env.setMaxParallelism(64);
    env
      .fromData(1)
      .map((x) => x)
      .setMaxParallelism(32)
      .sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/asks for max parallelism 32, but the job has 64/);
});
