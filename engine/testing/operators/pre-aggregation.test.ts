/** Rows merged before the shuffle (operators/pre-aggregator.ts). That it changes no answer is law E7 (laws/e7.test.ts, sim). */
import { describe, expect, test } from 'vitest';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { WindowPreAggregator } from '../../operators/window-pre-aggregator.ts';
import { KeptPartials } from '../../runtime/fan-out/kept-partials.ts';
import type { AggregateFunction } from '../../state/descriptors.ts';
import { keyHash } from '../../state/key-bytes.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { runInMemory, type InMemoryOptions, type JobScope } from '../run-in-memory.ts';
import { SplitSource } from '../split-source.ts';

interface Row {
  readonly k: string;
  readonly t: number;
  readonly v: number;
}
const row = (k: string, t: number, v = 1): Row => ({ k, t, v });
const LATE = new OutputTag<Row>('late');

const sums: AggregateFunction<unknown, unknown, unknown> = {
  createAccumulator: () => 0,
  add: (value, sum) => (sum as number) + (value as Row).v,
  getResult: (sum) => sum,
  merge: (a, b) => (a as number) + (b as number),
  preAggregate: true,
};

/** Rows with the watermark before each. */
function batchOf(rows: readonly (readonly [Row, number])[]): ExchangeBatch {
  const batch = new ExchangeBatch(rows.length);
  for (const [value, wm] of rows) {
    const j = batch.n++;
    batch.values[j] = value;
    batch.keys[j] = value.k;
    batch.ts[j] = value.t;
    batch.wm[j] = wm;
  }
  return batch;
}

function drained(aggregator: WindowPreAggregator): string[] {
  const partials: string[] = [];
  aggregator.drain(({ n, keys, ts, values, wm }) => {
    expect(wm.slice(0, n).every((w) => w === MIN_WATERMARK)).toBe(true);
    for (let j = 0; j < n; j++) {
      partials.push(`${String(keys[j])}@${ts[j]}: ${String(values[j])}`);
    }
  });
  return partials;
}

describe('the sender', () => {
  const make = (): WindowPreAggregator => new WindowPreAggregator(TumblingEventTimeWindows.of(10), sums, 128);

  test('takes rows that are on time on their channel, one partial per key and window, and leaves the others in order', () => {
    const aggregator = make();
    aggregator.begin(MIN_WATERMARK);
    const batch = batchOf([
      [row('a', 3), MIN_WATERMARK],
      [row('b', 14), 2],
      [row('a', 9, 5), 8],
      [row('a', 1, 100), 9],
      [row('b', 12, 7), 9],
      [row('b', 2, 200), 13],
    ]);
    aggregator.take(batch, null);
    expect(batch.values.slice(0, batch.n)).toEqual([row('a', 1, 100), row('b', 2, 200)]);
    expect([...batch.wm.slice(0, 2)]).toEqual([9, 13]);
    expect(aggregator.size).toBe(2);
    expect(drained(aggregator)).toEqual(['a@0: 6', 'b@10: 8']);
    expect(drained(aggregator)).toEqual([]);
  });

  test('leaves rows of windows that had fired when the epoch began, and rows without a timestamp', () => {
    const aggregator = make();
    aggregator.begin(9);
    const batch = batchOf([
      [row('a', 3), MIN_WATERMARK],
      [row('a', 10), MIN_WATERMARK],
      [row('a', -(2 ** 63)), MIN_WATERMARK],
    ]);
    aggregator.take(batch, null);
    expect(batch.values.slice(0, batch.n)).toEqual([row('a', 3), row('a', -(2 ** 63))]);
    expect(drained(aggregator)).toEqual(['a@10: 1']);
  });

  test('keeps the partials of key groups that live on its own worker', () => {
    const aggregator = make();
    aggregator.begin(MIN_WATERMARK);
    const rows = ['a', 'b', 'c', 'd'].flatMap((k) => [row(k, 1), row(k, 2), row(k, 11)]);
    aggregator.take(batchOf(rows.map((each) => [each, MIN_WATERMARK] as const)), null);
    const isOwn = (key: unknown): boolean => keyHash(key) % 128 < 64;
    const own: string[] = [];
    const others: string[] = [];
    const name = ({ keys, ts, values }: ExchangeBatch, j: number): string =>
      `${String(keys[j])}@${ts[j]}: ${String(values[j])}`;
    const kept = new KeptPartials([0, 64]);
    aggregator.drain((batch) => {
      for (let j = 0; j < batch.n; j++) others.push(name(batch, j));
    }, kept);
    const channel = kept.take();
    for (let batch = channel.next(); batch !== null; batch = channel.next())
      for (let j = 0; j < batch.n; j++) own.push(name(batch, j));
    const expected = ['a', 'b', 'c', 'd'].flatMap((k) => [`${k}@0: 2`, `${k}@10: 1`]);
    expect(own.toSorted()).toEqual(expected.filter((each) => isOwn(each[0])));
    expect(others.toSorted()).toEqual(expected.filter((each) => !isOwn(each[0])));
    expect(own.length * others.length).toBeGreaterThan(0);
    expect(kept.take().next()).toBeNull();
    expect([63, 64, 127, 128].map((group) => new KeptPartials([64, 128]).has(group))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('gives up, for one epoch, where hardly two rows fall together', () => {
    const aggregator = make();
    const rows = Array.from({ length: 70_000 }, (_, i) => [row(`k${i}`, 1), MIN_WATERMARK] as const);
    aggregator.begin(MIN_WATERMARK);
    aggregator.take(batchOf(rows), null);
    const more = batchOf(rows.slice(0, 3));
    aggregator.take(more, null);
    expect(more.n).toBe(3);
    expect(drained(aggregator)).toHaveLength(70_000);
    aggregator.begin(MIN_WATERMARK);
    aggregator.take(more, null);
    expect(more.n).toBe(0);
  });
});

function build(aggregate: AggregateFunction<Row, number, number>, splits: readonly (readonly Row[])[]) {
  return ({ env, sink }: JobScope): void => {
    env.setRestartStrategy({ kind: 'none' });
    const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((r) => r.t);
    const windows = env
      .fromSource<Row>(new SplitSource<Row>(splits, null), strategy, 'rows')
      .keyBy('k')
      .window(TumblingEventTimeWindows.of(10))
      .sideOutputLateData(LATE)
      .aggregate(aggregate, (k, ctx, [sum]) => [`${k}@${ctx.window.start}: ${sum} at ${ctx.currentWatermark()}`])
      .name('windows');
    windows.sinkTo(sink('out'));
    windows.getSideOutput(LATE).sinkTo(sink('late'));
    env.deadLetters().sinkTo(sink('letters'));
  };
}

const early = sums as AggregateFunction<Row, number, number>;
const run = (options: InMemoryOptions, aggregate = early) =>
  runInMemory(
    build(aggregate, [
      [row('a', 1), row('a', 4), row('a', 25), row('a', 3)],
      [row('a', 2), row('b', 31)],
    ]),
    options,
  );

describe('the job', () => {
  test.each([{}, { workers: 2 }])('windows, late rows and the watermark that a window sees: %o', async (options) => {
    const { values } = await run(options);
    expect(new Set(values('out'))).toEqual(new Set(['a@0: 3 at 9', 'a@20: 1 at 29', 'b@30: 1 at 39']));
    expect(values('late')).toEqual([row('a', 3)]);
  });

  test.each([{}, { workers: 2 }])('a record at which add throws becomes a dead letter: %o', async (options) => {
    const aggregate = {
      ...early,
      add: (r: Row, sum: number) => {
        if (r.t === 4) throw new Error('no fours');
        return sum + r.v;
      },
    };
    const { values } = await run(options, aggregate);
    expect(values('letters')).toMatchObject([{ operator: 'windows', position: 1, error: 'no fours' }]);
    expect(values('out')).toContain('a@0: 2 at 9');
  });

  test('preAggregate without merge is refused at the start', async () => {
    const { merge: _, ...aggregate } = early;
    await expect(run({}, aggregate)).rejects.toThrow(/operator "windows" says preAggregate, but has no merge\(a, b\)/);
  });
});
