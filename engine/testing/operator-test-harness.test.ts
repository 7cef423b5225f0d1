/** The harnesses: elements, watermarks, processing time, side outputs, timers, states, snapshots; packing changes nothing. */
import { describe, expect, test } from 'vitest';
import { keyedCoProcess } from '../api/co-functions.ts';
import type { DataStream } from '../api/data-stream.ts';
import {
  keyedProcess,
  KeyedProcessFunction,
  listState,
  mapState,
  ProcessFunction,
  reducingState,
  valueState,
} from '../api/functions.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { Collector } from '../operators/collector.ts';
import type { KeyedContext, OnTimerContext, OpenContext } from '../operators/keyed-process-function.ts';
import { OutputTag } from '../operators/output-tag.ts';
import type { ProcessContext } from '../operators/process-operator.ts';
import {
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import type { ValueState } from '../state/states.ts';
import { TumblingEventTimeWindows } from '../windows/assigners.ts';
import { EventTimeSessionWindows } from '../windows/session-windows.ts';
import { OneInputStreamOperatorTestHarness, TwoInputStreamOperatorTestHarness } from './input-test-harnesses.ts';
import type { HarnessOptions } from './operator-test-harness.ts';
import { ProcessFunctionTestHarnesses } from './process-function-test-harnesses.ts';

interface Order {
  readonly customer: string;
  readonly n: number;
}
const order = (customer: string, n: number): Order => ({ customer, n });

const COUNT = new ValueStateDescriptor<number>('count');
const BIG = new OutputTag<Order>('big');
const life: string[] = [];

/** Sums a customer's orders and tells the sum 1000 ms of event time after the first. */
class Sum extends KeyedProcessFunction<string, Order, { customer: string; sum: number }> {
  private sum!: ValueState<number>;
  private calls = 0;
  override open(ctx: OpenContext): void {
    this.sum = ctx.getState(COUNT);
    life.push('open');
  }
  override processElement(value: Order, ctx: KeyedContext<string>): void {
    this.calls++;
    if (value.n > 100) ctx.output(BIG, value);
    if (this.sum.value() === null) ctx.timerService().registerEventTimeTimer(ctx.timestamp()! + 1000);
    this.sum.update((this.sum.value() ?? 0) + value.n);
  }
  override onTimer(_at: number, ctx: OnTimerContext<string>, out: Collector<{ customer: string; sum: number }>): void {
    out.collect({ customer: ctx.getCurrentKey(), sum: this.sum.value()! });
    this.sum.clear();
  }
  override close(): void {
    life.push(`close after ${this.calls}`);
  }
}

const PACKINGS: [string, HarnessOptions][] = [
  ['fused', {}],
  ['four subtasks', { subtasks: 4 }],
  ['two workers', { workers: 2 }],
];

describe.each(PACKINGS)('%s', (_name, packing) => {
  test('a keyed process function: state, timers, side output, watermark, end', async () => {
    const harness = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(new Sum(), (o) => o.customer, {
      ...packing,
      sideOutputs: [BIG],
    });
    expect(harness.getCurrentWatermark()).toBe(MIN_WATERMARK);
    await harness.processElement(order('ada', 1), 10);
    await harness.processElement(order('bob', 200), 20);
    await harness.processElement(order('ada', 2), 30);
    expect(await harness.getState('ada', COUNT)).toBe(3);
    expect(await harness.getState('eve', COUNT)).toBe(null);
    expect(await harness.numKeyedStateEntries()).toBe(2);
    expect([await harness.numEventTimeTimers(), await harness.numEventTimeTimers('ada')]).toEqual([2, 1]);
    expect(await harness.eventTimeTimers()).toEqual([1010, 1020]);
    expect(harness.getSideOutput(BIG)).toEqual([{ value: order('bob', 200), timestamp: 20 }]);
    await harness.processWatermark(1010);
    expect(harness.getCurrentWatermark()).toBe(1010);
    expect(harness.getOutput()).toEqual([{ value: { customer: 'ada', sum: 3 }, timestamp: 1010 }]);
    expect(await harness.numKeyedStateEntries()).toBe(1);
    harness.clearOutput();
    expect(harness.getSideOutput(BIG)).toEqual([]);
    await harness.endInput();
    expect(harness.extractOutputValues()).toEqual([{ customer: 'bob', sum: 200 }]);
    expect(harness.getCurrentWatermark()).toBe(MAX_WATERMARK);
  });

  test('processing time', async () => {
    const fn = keyedProcess({
      state: {
        count: valueState({ defaultValue: 0 }),
        seen: listState<number>(),
        max: reducingState<number>(Math.max),
      },
      processElement({ n }: Order, ctx, _out: Collector<string>) {
        ctx.state.count.update(ctx.state.count.value() + 1);
        ctx.state.seen.add(n);
        ctx.state.max.add(n);
        ctx.timerService().registerProcessingTimeTimer(ctx.currentProcessingTime() + 500);
      },
      onTimer(at, ctx, out: Collector<string>) {
        out.collect(`${String(ctx.getCurrentKey())} ${ctx.timeDomain} ${at}`);
      },
    });
    const harness = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(fn, (o: Order) => o.customer, packing);
    await harness.setProcessingTime(100);
    await harness.processElement(order('ada', 4));
    await harness.processElement(order('ada', 3));
    expect(await harness.processingTimeTimers('ada')).toEqual([600]);
    expect(await harness.numProcessingTimeTimers()).toBe(1);
    expect(await harness.getListState('ada', new ListStateDescriptor<number>('seen'))).toEqual([4, 3]);
    expect(await harness.getReducingState('ada', new ReducingStateDescriptor<number>('max', Math.max))).toBe(4);
    await harness.setProcessingTime(599);
    expect(harness.getOutput()).toEqual([]);
    await harness.setProcessingTime(700);
    expect(harness.getProcessingTime()).toBe(700);
    expect(harness.extractOutputValues()).toEqual(['ada processing-time 600']);
    await harness.close();
  });

  test('two inputs: the watermark is the smaller one; both functions see the key', async () => {
    const fn = keyedCoProcess({
      state: { price: valueState({ defaultValue: 0 }) },
      processElement1(o: Order, ctx, out: Collector<string>) {
        out.collect(`${o.n * ctx.state.price.value()} at watermark ${ctx.currentWatermark()}`);
      },
      processElement2(price: { customer: string; price: number }, ctx, _out: Collector<string>) {
        ctx.state.price.update(price.price);
      },
    });
    const harness = await ProcessFunctionTestHarnesses.forKeyedCoProcessFunction(
      fn,
      (o: Order) => o.customer,
      (p: { customer: string; price: number }) => p.customer,
      packing,
    );
    await harness.processElement2({ customer: 'ada', price: 5 }, 1);
    await harness.processWatermark1(90);
    expect(harness.getCurrentWatermark()).toBe(MIN_WATERMARK);
    await harness.processWatermark2(70);
    await harness.processElement1(order('ada', 3), 100);
    await harness.processBothWatermarks(99);
    await harness.processElement1(order('bob', 3), 100);
    expect(harness.extractOutputValues()).toEqual(['15 at watermark 70', '0 at watermark 99']);
  });

  test('broadcast state', async () => {
    const rules = new MapStateDescriptor<string, number>('rules');
    const harness = await ProcessFunctionTestHarnesses.forBroadcastProcessFunction(
      {
        processElement: (o: Order, ctx, out: Collector<number>) =>
          out.collect(o.n * (ctx.getBroadcastState(rules).get(o.customer) ?? 1)),
        processBroadcastElement: (o: Order, ctx) => ctx.getBroadcastState(rules).put(o.customer, o.n),
      },
      [rules],
      packing,
    );
    await harness.processElement1(order('ada', 2));
    await harness.processElement2(order('ada', 10));
    await harness.processElement1(order('ada', 2));
    expect(harness.extractOutputValues()).toEqual([2, 20]);
    expect(await harness.getBroadcastState(rules)).toEqual(new Map([['ada', 10]]));
  });

  test('any operator: a window, late data to its side output', async () => {
    const late = new OutputTag<Order>('late');
    const harness = await OneInputStreamOperatorTestHarness.of(
      (orders: DataStream<Order>) =>
        orders.keyBy('customer').window(TumblingEventTimeWindows.of(1000)).sideOutputLateData(late).sum('n'),
      { ...packing, sideOutputs: [late] },
    );
    await harness.processElement(order('ada', 1), 10);
    await harness.processElement(order('ada', 2), 20);
    expect(await harness.numKeyedStateEntries()).toBe(1);
    await harness.processWatermark(999);
    expect(await harness.numKeyedStateEntries()).toBe(0);
    await harness.processElement(order('ada', 4), 30);
    expect(harness.getOutput()).toEqual([{ value: order('ada', 3), timestamp: 999 }]);
    expect(harness.getSideOutput(late)).toEqual([{ value: order('ada', 4), timestamp: 30 }]);
  });

  test('a snapshot goes on elsewhere, however packed', async () => {
    const fn = keyedProcess({
      state: { seen: mapState<string, number>() },
      processElement({ n }: Order, ctx, _out: Collector<string>) {
        ctx.state.seen.put(`n${n}`, n);
        ctx.timerService().registerEventTimeTimer(ctx.timestamp()! + n);
      },
      onTimer: (at, ctx, out: Collector<string>) =>
        out.collect(
          `${String(ctx.getCurrentKey())} ${at} ${[...ctx.state.seen.keys()].join(' ')} ${ctx.currentProcessingTime()}`,
        ),
    });
    const first = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(fn, (o: Order) => o.customer);
    await first.setProcessingTime(77);
    for (const customer of ['ada', 'bob', 'eve'])
      await first.processElement(order(customer, customer.charCodeAt(0)), 1000);
    await first.processWatermark(1097);
    expect(first.extractOutputValues()).toEqual(['ada 1097 n97 77']);
    const from = await first.snapshot();
    const second = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(fn, (o: Order) => o.customer, {
      ...packing,
      from,
    });
    expect([await second.numEventTimeTimers(), await first.numEventTimeTimers()]).toEqual([2, 2]);
    expect(await second.getMapState('bob', new MapStateDescriptor<string, number>('seen'))).toEqual(
      new Map([['n98', 98]]),
    );
    await second.processElement(order('bob', 5), 1090);
    await second.processWatermark(1098);
    expect(second.extractOutputValues()).toEqual(['bob 1095 n98 n5 77', 'bob 1098 n98 n5 77']);
    expect(await first.numEventTimeTimers()).toBe(2);
  });
});

test("a window function's global state, and an interval join's rows", async () => {
  const fired = new ValueStateDescriptor<number>('fired');
  const windows = await OneInputStreamOperatorTestHarness.of((orders: DataStream<Order>) =>
    orders
      .keyBy('customer')
      .window(EventTimeSessionWindows.withGap(500))
      .process((_key, ctx, rows) => {
        const count = ctx.globalState().getState(fired);
        count.update((count.value() ?? 0) + 1);
        return [rows.length];
      }),
  );
  await windows.processElement(order('ada', 1), 1);
  await windows.processElement(order('ada', 1), 1001);
  expect(await windows.eventTimeTimers('ada')).toEqual([500, 1500]);
  await windows.processWatermark(1999);
  expect(windows.extractOutputValues()).toEqual([1, 1]);
  expect(await windows.getState('ada', fired)).toBe(2);

  const join = await TwoInputStreamOperatorTestHarness.of((a: DataStream<Order>, b: DataStream<Order>) =>
    a
      .keyBy('customer')
      .intervalJoin(b.keyBy('customer'))
      .between(-10, 10)
      .process((l: Order, r: Order, _ctx, out: Collector<number>) => out.collect(l.n + r.n)),
  );
  await join.processElement1(order('ada', 1), 100);
  expect(await join.numKeyedStateEntries()).toBe(1);
  await join.processElement2(order('ada', 2), 105);
  await join.processBothWatermarks(200);
  expect(join.getOutput()).toEqual([{ value: 3, timestamp: 105 }]);
  expect(await join.numKeyedStateEntries()).toBe(0);
});

test('a function without keys; it is opened once and closed', async () => {
  const life: string[] = [];
  class Shout extends ProcessFunction<string, string> {
    override open(): void {
      life.push('open');
    }
    override processElement(value: string, ctx: ProcessContext, out: Collector<string>): void {
      out.collect(`${value.toUpperCase()} ${ctx.timestamp()} ${ctx.currentWatermark()}`);
    }
    override close(): void {
      life.push('close');
    }
  }
  const harness = await ProcessFunctionTestHarnesses.forProcessFunction(new Shout());
  expect(life).toEqual(['open']);
  await harness.processElement('a', 5);
  await harness.processWatermark(7);
  await harness.processElement('b');
  expect(harness.getCurrentWatermark()).toBe(7);
  expect(harness.getOutput()).toEqual([
    { value: `A 5 ${MIN_WATERMARK}`, timestamp: 5 },
    { value: 'B null 7', timestamp: null },
  ]);
  await harness.close();
  expect(life).toEqual(['open', 'close']);
  await expect(harness.numEventTimeTimers()).rejects.toThrow(/neither keyed state nor timers: its stream has no key/);
});

test('what a harness emits has the type of what is built', async () => {
  const lengths = await OneInputStreamOperatorTestHarness.of((words: DataStream<string>) => words.map((w) => w.length));
  await lengths.processElement('four', 1);
  const values: number[] = lengths.extractOutputValues();
  expect(values).toEqual([4]);
  const pairs = await TwoInputStreamOperatorTestHarness.of((a: DataStream<string>, b: DataStream<number>) =>
    a.connect(b).map({ map1: (text) => ({ text }), map2: (n) => ({ n }) }),
  );
  await pairs.processElement2(3);
  const either: ({ text: string } | { n: number })[] = pairs.extractOutputValues();
  expect(either).toEqual([{ n: 3 }]);
});

test('the instance lives as long as the harness', async () => {
  life.length = 0;
  const harness = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(new Sum(), (o) => o.customer);
  for (const customer of ['ada', 'bob', 'ada']) await harness.processElement(order(customer, 1), 1);
  await harness.close();
  expect(life).toEqual(['open', 'close after 3']);
});

test('what goes wrong is said', async () => {
  const harness = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(
    keyedProcess({
      state: {},
      processElement({ n }: Order, _ctx, out: Collector<number>) {
        if (n < 0) throw new Error('negative');
        out.collect(n);
      },
    }),
    (o: Order) => o.customer,
  );
  await expect(harness.processElement(order('ada', -1))).rejects.toThrow(/negative/);
  expect(() => harness.getSideOutput(BIG)).toThrow(/does not collect side output "big": name it when it is made/);
  await expect(
    OneInputStreamOperatorTestHarness.of((orders: DataStream<Order>) =>
      orders.keyBy('customer').window(TumblingEventTimeWindows.of(0)).sum('n'),
    ),
  ).rejects.toThrow(/TumblingEventTimeWindows.of takes a p/);
});
