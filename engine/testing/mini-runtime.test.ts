/** MiniRuntime: epochs one at a time, time in the test's hands, deaths, stops, packings, savepoints; jobs of functions and of modules. */
import { describe, expect, test } from 'vitest';
import { defineJob } from '../api/define-job.ts';
import { keyedProcess, valueState } from '../api/functions.ts';
import { MAX_WATERMARK } from '../model/watermark.ts';
import { CRASH_POINTS } from '../runtime/crash-point.ts';
import type { Collector } from '../operators/collector.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../windows/assigners.ts';
import { CommittedRows as TestSink } from './committed-rows.ts';
import type { BuildJob } from './in-memory-job.ts';
import { MiniRuntime, type MiniRuntimeOptions } from './mini-runtime.ts';
import { TestSource } from './test-source.ts';

interface Order {
  readonly customer: string;
  readonly n: number;
}

const PACKINGS: [string, MiniRuntimeOptions][] = [
  ['fused', {}],
  ['four subtasks', { subtasks: 4 }],
  ['two workers', { workers: 2 }],
];

/** Emits a row's customer 10 s after its first row, by processing time. */
const reminder = keyedProcess({
  state: { seen: valueState<boolean>() },
  processElement(_order: Order, ctx, _out: Collector<string>) {
    if (ctx.state.seen.value() !== null) return;
    ctx.state.seen.update(true);
    ctx.timerService().registerProcessingTimeTimer(ctx.currentProcessingTime() + 10_000);
  },
  onTimer(at, ctx, out: Collector<string>) {
    out.collect(`${String(ctx.getCurrentKey())} at ${at}`);
  },
});

describe.each(PACKINGS)('%s', (_name, packing) => {
  test('an epoch takes what has been pushed; idle ones are none; the end fires what waits', async () => {
    const orders = new TestSource<Order>();
    const sums = new TestSink<{ customer: string; n: number }>();
    const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Order>(0);
    const runtime = new MiniRuntime(({ env }) => {
      env
        .fromSource(orders, strategy, 'orders')
        .keyBy('customer')
        .window(TumblingEventTimeWindows.of(1000))
        .sum('n')
        .sinkTo(sums);
    }, packing);
    orders.push({ customer: 'ada', n: 1 }, 100).push({ customer: 'ada', n: 2 }, 200);
    const first = await runtime.runEpoch();
    expect([first.epoch, first.values(sums), first.counts['recordsIn']]).toEqual([1, [], 2]);
    expect((await runtime.runEpoch()).epoch).toBe(null);
    orders.push({ customer: 'ada', n: 4 }, 1200);
    const second = await runtime.runEpoch();
    expect([second.epoch, second.values(sums)]).toEqual([2, [{ customer: 'ada', n: 3 }]]);
    orders.end();
    const last = await runtime.runEpoch();
    expect([last.epoch, last.finished, last.values(sums)]).toEqual([3, true, [{ customer: 'ada', n: 4 }]]);
    expect(sums.rows.map(({ epoch, timestamp }) => [epoch, timestamp])).toEqual([
      [2, 999],
      [3, 1999],
    ]);
    expect(Object.values(runtime.manifests.at(-1)!.watermarks)).toEqual([MAX_WATERMARK]);
    expect(await runtime.runEpoch()).toMatchObject({ epoch: null, finished: true });
  });

  test('processing time is what the test says', async () => {
    const orders = new TestSource<Order>();
    const runtime = new MiniRuntime(
      ({ env, sink }) => {
        const stream = env.fromSource(orders, WatermarkStrategy.noWatermarks(), 'orders');
        stream.keyBy('customer').process(reminder).sinkTo(sink('reminders'));
      },
      { ...packing, startMs: 5000 },
    );
    orders.push({ customer: 'ada', n: 1 });
    await runtime.runEpoch();
    runtime.advanceProcessingTime(9999);
    expect((await runtime.runEpoch()).epoch).toBe(null);
    runtime.advanceProcessingTime(1);
    const due = await runtime.runEpoch();
    expect([due.epoch, due.values('reminders')]).toEqual([2, ['ada at 15000']]);
    expect(() => runtime.setProcessingTime(14_000)).toThrow(/never runs backwards: it is 15000, not 14000/);
    await runtime.stop();
  });
});

const counting =
  (orders: TestSource<Order>): BuildJob =>
  ({ env, sink }) => {
    const stream = env.fromSource(orders, WatermarkStrategy.noWatermarks(), 'orders');
    stream.keyBy('customer').sum('n').sinkTo(sink('sums'));
  };

test('deaths between epochs and at each step, and another packing after them, change nothing', async () => {
  const orders = new TestSource<Order>();
  const runtime = new MiniRuntime(counting(orders), { fold: { due: 2, overdue: 4 } });
  const died = new Set<string>();
  let sum = 0;
  let n = 0;
  for (const crashAt of [...CRASH_POINTS, ...CRASH_POINTS]) {
    orders.push({ customer: 'ada', n: ++n });
    const { crashed } = await runtime.runEpoch({ crashAt });
    if (crashed !== null) died.add(crashed);
    await runtime.runUntilIdle();
    sum += n;
    expect(runtime.values('sums').at(-1)).toEqual({ customer: 'ada', n: sum });
    if (n % 3 === 0) runtime.crash({ subtasks: 1 + (n % 4) });
    if (n % 5 === 0) await runtime.stop({ workers: 2 });
  }
  expect(runtime.values('sums')).toHaveLength(n);
  expect(died.size).toBeGreaterThan(12);
  orders.end();
  expect((await runtime.runUntilIdle()).at(-1)!.finished).toBe(true);
});

test('an epoch reads as much as it may, whoever runs it', async () => {
  const numbers = new TestSource<number>().pushAll([1, 2, 3, 4, 5]);
  const runtime = new MiniRuntime(
    ({ env, sink }) => {
      env.fromSource(numbers, WatermarkStrategy.noWatermarks(), 'numbers').sinkTo(sink('out'));
    },
    { rowsPerEpoch: 2 },
  );
  const epochs = await runtime.runUntilIdle();
  expect(epochs.map((epoch) => epoch.values('out'))).toEqual([[1, 2], [3, 4], [5]]);
  await runtime.stop({ rowsPerEpoch: 1 });
  numbers.pushAll([6, 7]);
  expect((await runtime.runUntilIdle()).map(({ epoch }) => epoch)).toEqual([4, 5]);
  await runtime.stop();
});

test('what user code throws fails the epoch; the same rows are tried again', async () => {
  const numbers = new TestSource<number>();
  let broken = true;
  const runtime = new MiniRuntime(({ env, sink }) => {
    env
      .fromSource(numbers, WatermarkStrategy.noWatermarks(), 'numbers')
      .map((n) => {
        if (broken) throw new Error('not yet');
        return n * 2;
      })
      .sinkTo(sink('doubled'));
  });
  numbers.push(1);
  await expect(runtime.runEpoch()).rejects.toThrow(/not yet/);
  broken = false;
  expect((await runtime.runEpoch()).values('doubled')).toEqual([2]);
  await runtime.stop();
});

test('a savepoint begins another job, with its state and without its rows', async () => {
  const orders = new TestSource<Order>();
  const first = new MiniRuntime(counting(orders));
  orders.push({ customer: 'ada', n: 1 });
  await first.runEpoch();
  const from = await first.savepoint();
  orders.push({ customer: 'ada', n: 10 });
  await first.runEpoch();

  const more = new TestSource<Order>({ startPositions: [1] });
  const second = new MiniRuntime(counting(more), { from, subtasks: 4 });
  more.push({ customer: 'ada', n: 100 });
  await second.runEpoch();
  expect(first.values('sums')).toEqual([1, 11].map((n) => ({ customer: 'ada', n })));
  expect(second.values('sums')).toEqual([{ customer: 'ada', n: 101 }]);
});

const module = defineJob({
  name: 'module',
  config: { factor: 1 },
  build(env, { factor }) {
    env
      .fromData<Order>({ customer: 'bob', n: 7 })
      .name('orders')
      .map((order) => order.n * factor)
      .print();
  },
});

test('a job module: its sinks are in memory, its sources where asked, its settings as given', async () => {
  const own = new MiniRuntime(module);
  await own.runUntilIdle();
  expect(own.values('Print to Std. Out')).toEqual([7]);
  expect(own.values(own.sinks[0]!)).toEqual([7]);

  const orders = new TestSource<Order>().push({ customer: 'ada', n: 3 });
  const fed = new MiniRuntime(module, { config: { factor: '10' }, sources: { orders } });
  await fed.runEpoch();
  orders.push({ customer: 'ada', n: 4 }).end();
  await fed.runUntilIdle();
  expect(fed.values('Print to Std. Out')).toEqual([30, 40]);
  await expect(new MiniRuntime(module, { sources: { order: orders } }).runEpoch()).rejects.toThrow(
    /job "module" has no source "order" to be replaced. It has: orders/,
  );
});

describe('TestSource', () => {
  test('refuses what it cannot do', () => {
    expect(() => new TestSource({ splits: 0 })).toThrow(/1 or more; got 0/);
    const source = new TestSource<number>({ splits: 2 }).end(0);
    expect(() => source.push(1)).toThrow(/split 0 of the test source has ended/);
    expect(() => source.pushTo(2, 1)).toThrow(/has 2 splits, and no split 2/);
  });

  test('the watermark is that of the split furthest behind', async () => {
    const numbers = new TestSource<number>({ splits: 2 });
    const runtime = new MiniRuntime(({ env, sink }) => {
      env
        .fromSource(numbers, WatermarkStrategy.forMonotonousTimestamps(), 'numbers')
        .keyBy(() => 'all')
        .window(TumblingEventTimeWindows.of(10))
        .reduce((a, b) => a + b)
        .sinkTo(sink('sums'));
    });
    numbers.pushTo(0, 1, 5).pushTo(0, 2, 25).pushTo(1, 3, 6);
    expect((await runtime.runEpoch()).values('sums')).toEqual([]);
    numbers.pushTo(1, 4, 12);
    expect((await runtime.runEpoch()).values('sums')).toEqual([4]);
    await runtime.stop();
  });
});
