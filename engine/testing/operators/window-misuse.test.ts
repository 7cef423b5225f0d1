/** Bad use of windows fails early, and says what to do; what windows leave in the state. */
import { describe, expect, test } from 'vitest';
import type { DataStream } from '../../api/data-stream.ts';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { inMergeOrder } from '../../operators/merge-order.ts';
import { windowOperatorFactory } from '../../operators/window-operator-factory.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { CountTrigger } from '../../windows/count-trigger.ts';
import { DeltaTrigger } from '../../windows/delta-trigger.ts';
import { CountEvictor } from '../../windows/evictors.ts';
import { GlobalWindows } from '../../windows/global-windows.ts';
import { PurgingTrigger } from '../../windows/purging-trigger.ts';
import { EventTimeSessionWindows } from '../../windows/session-windows.ts';
import { EventTimeTrigger } from '../../windows/time-triggers.ts';
import { TimeWindow } from '../../windows/time-window.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { WindowDriver } from './window-driver.ts';

interface Row {
  readonly k: string;
  readonly t: number;
  readonly v: number;
}
const row = (t: number, v: number, k = 'a'): Row => ({ k, t, v });
const byTime = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((r) => r.t);

function run(
  rows: readonly Row[],
  build: (rows: DataStream<Row>) => Readonly<Record<string, DataStream<unknown>>>,
  options: InMemoryOptions = { rowsPerEpoch: 1 },
): Promise<InMemoryRun> {
  return runInMemory(({ env, sink }) => {
    env.setMaxParallelism(4);
    const outputs = build(env.fromSource(new CollectionSource(rows), byTime, 'rows'));
    for (const [name, stream] of Object.entries(outputs)) stream.sinkTo(sink(name));
  }, options);
}
const keyed = (): KeyedStream<Row, string> =>
  new StreamExecutionEnvironment('job').fromSource(new CollectionSource<Row>([]), byTime, 'rows').keyBy('k');

describe('bad use fails early', () => {
  const sessions = () => keyed().window(EventTimeSessionWindows.withGap(10));
  const noMerge = { createAccumulator: () => 0, add: (r: Row, n: number) => n + r.v, getResult: (n: number) => n };
  test.each<[string, () => unknown, string]>([
    ['a negative gap', () => EventTimeSessionWindows.withGap(-1), "a session's gap"],
    ['a slide of 0', () => SlidingEventTimeWindows.of(10, 0), 'as slide'],
    ['an offset as large as the slide', () => SlidingEventTimeWindows.of(10, 5, 5), 'smaller than its slide'],
    ['a negative lateness', () => sessions().allowedLateness(-1), 'allowedLateness takes'],
    [
      'lateness by the clock',
      () => keyed().window(GlobalWindows.create()).allowedLateness(1),
      'event-time windows only',
    ],
    ['a trigger that cannot merge', () => sessions().trigger(DeltaTrigger.of<Row>(1, () => 0)), 'windows that merge'],
    ['the same, purging', () => sessions().trigger(PurgingTrigger.of(DeltaTrigger.of<Row>(1, () => 0))), 'that merge'],
    ['no assigner', () => keyed().window({} as never), 'takes a window assigner'],
    ['no trigger', () => sessions().trigger({} as never), 'takes a Trigger'],
    ['no evictor', () => sessions().evictor({} as never), 'takes an Evictor'],
    ['a count of 0', () => keyed().countWindow(0), 'whole number'],
    ['an async function', () => sessions().process((async () => undefined) as never), 'async function'],
    ['an async reduce', () => sessions().reduce((async (a: Row) => a) as never), 'async function'],
    ['no function', () => sessions().process(undefined as never), 'a window function is'],
  ])('%s', (_what, build, message) => {
    expect(build).toThrow(message);
  });

  test('sessions whose aggregate cannot merge', async () => {
    const refused = run([], (stream) => ({
      main: stream.keyBy('k').window(EventTimeSessionWindows.withGap(10)).aggregate(noMerge),
    }));
    await expect(refused).rejects.toThrow('needs merge(a, b)');
  });

  test('a promise from a window function', async () => {
    const refused = run([row(1, 1)], (stream) => ({
      main: stream
        .keyBy('k')
        .window(EventTimeSessionWindows.withGap(10))
        .process((() => Promise.resolve([])) as never),
    }));
    await expect(refused).rejects.toThrow('returned a promise');
  });
});

describe('state', () => {
  const options = {
    evictor: null,
    aggregate: null,
    stateKind: 'process',
    windowFunction: () => undefined,
    clear: null,
    allowedLatenessMs: 0,
    lateTag: null,
  };

  test('a segment holds what changed, and nothing is left of windows that are over', async () => {
    const assigner = EventTimeSessionWindows.withGap(10);
    const trigger = assigner.getDefaultTrigger();
    const driver = await new WindowDriver(windowOperatorFactory({ ...options, assigner, trigger }), 2).start();
    for (let t = 0; t < 1000; t++) driver.row('a', t, t, t - 1);
    // 16 stretches of 64 elements, the set of windows, the timer.
    expect(driver.commit()).toBe(18);
    driver.row('a', 1000, 1000);
    // The last stretch, the set, the timer: one removed, one put.
    expect(driver.commit()).toBe(4);
    expect(driver.commit()).toBe(0);
    driver.setWatermark(2000);
    driver.commit();
    expect(driver.stateEntries).toBe(0);
    expect(driver.liveKeys).toBe(0);
  });

  test('purged global windows of many keys leave nothing', async () => {
    const assigner = GlobalWindows.create();
    const trigger = PurgingTrigger.of(CountTrigger.of(2));
    const driver = await new WindowDriver(windowOperatorFactory({ ...options, assigner, trigger }), 1).start();
    for (let i = 0; i < 100; i++) {
      driver.row(`key ${i}`, i, i);
      driver.row(`key ${i}`, i, i);
    }
    driver.commit();
    expect(driver.stateEntries).toBe(0);
    expect(driver.liveKeys).toBe(0);
  });

  test('state of another kind of window is refused', async () => {
    const trigger = EventTimeTrigger.create();
    const assigner = TumblingEventTimeWindows.of(10);
    const operator = windowOperatorFactory({ ...options, assigner, trigger, evictor: CountEvictor.of(1) }).create();
    await new WindowDriver(
      { ...windowOperatorFactory({ ...options, assigner, trigger }), create: () => operator },
      1,
    ).start();
    expect(() => operator.restore('a', 'window-contents:elements', [[0, 10], 0], [1])).toThrow('another uid');
  });

  /** Iterated by java.util.HashSet with TimeWindow's hash codes. */
  test('windows merge in the order of Flink', () => {
    const base = 1_704_096_000_000;
    const windows = Array.from(
      { length: 11 },
      (_, i) => new TimeWindow(base + i * 1777, base + i * 1777 + 8000 + i * 13),
    );
    const order = inMergeOrder(windows).map((window) => windows.indexOf(window as TimeWindow));
    expect(order).toEqual([7, 4, 5, 0, 6, 8, 9, 3, 1, 2, 10]);
  });
});
