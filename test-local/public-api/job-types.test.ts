/** Types that help: what must infer without a cast, and what must not compile. Checked by `npm run types`; run for the values. */
import { expect, it } from 'vitest';
import {
  defineJob,
  Duration,
  keyedProcess,
  KeyedProcessFunction,
  mapState,
  OutputTag,
  ProcessFunction,
  ProcessWindowFunction,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  valueState,
  ValueStateDescriptor,
  WatermarkStrategy,
  type Collector,
  type DataStream,
  type KeyedContext,
  type OpenContext,
  type OnTimerContext,
  type ProcessContext,
  type ValueState,
  type WindowContext,
} from '../../engine/index.ts';

interface Order {
  readonly user: string;
  readonly cents: number;
  readonly at: number;
}
const orders: Order[] = [
  { user: 'ann', cents: 5, at: 1000 },
  { user: 'bob', cents: 7, at: 2000 },
  { user: 'ann', cents: 1, at: 61_000 },
];
type Is<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const same = <A, B>(_: Is<A, B>): void => undefined;
const env = (): StreamExecutionEnvironment => StreamExecutionEnvironment.getExecutionEnvironment();
const source = (e: StreamExecutionEnvironment): DataStream<Order> =>
  e
    .fromData(...orders)
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forBoundedOutOfOrderness<Order>(Duration.ofSeconds(5)).withTimestampAssigner((o) => o.at),
    );

it('infers through map, filter with a type guard, flatMap in both forms, and union', async () => {
  const e = env();
  const words = e.fromData('a b', 'c').flatMap((line) => line.split(' '));
  same<typeof words extends DataStream<infer T> ? T : never, string>(true);
  const collected = words.flatMap((word, out: Collector<number>) => out.collect(word.length));
  const mixed = e.fromData<string | number>('x', 1).filter((v): v is string => typeof v === 'string');
  const lengths = mixed.map((s) => s.length).union(collected);
  expect(await lengths.executeAndCollect()).toEqual([1, 1, 1, 1]);
});

it('infers keys, windows and the function form with its states', async () => {
  const totals = source(env())
    .keyBy('user')
    .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
    .aggregate(
      { createAccumulator: () => 0, add: (o, sum) => sum + o.cents, getResult: (sum) => sum },
      (user, { window }, [cents]) => [{ user, start: window.start, cents }],
    );
  const shown = totals.map((t) => `${t.user.toUpperCase()} ${t.start} ${t.cents ?? 0}`);
  expect((await shown.executeAndCollect()).sort()).toEqual(['ANN 0 5', 'ANN 60000 1', 'BOB 0 7']);
});

it('infers the element, the key and the states of keyedProcess', async () => {
  const counted = source(env())
    .keyBy((o) => o.user)
    .process(
      keyedProcess({
        state: { n: valueState<number>(), seen: mapState<number, boolean>() },
        processElement(
          order: Order,
          ctx: KeyedContext<string> & { state: { n: ValueState<number> } },
          out: Collector<string>,
        ) {
          ctx.state.n.update((ctx.state.n.value() ?? 0) + order.cents);
          out.collect(`${ctx.getCurrentKey().length}:${ctx.state.n.value()}`);
        },
      }),
    );
  expect((await counted.executeAndCollect()).sort()).toEqual(['3:5', '3:6', '3:7']);
});

it('knows element, key and states of an object form given to process', async () => {
  const counted = source(env())
    .keyBy((o) => o.user)
    .process({
      state: { n: valueState({ defaultValue: 0 }) },
      processElement(order, ctx, out: Collector<string>) {
        ctx.state.n.update(ctx.state.n.value() + order.cents);
        ctx.timerService().registerEventTimeTimer(100_000);
        out.collect(ctx.getCurrentKey().toUpperCase());
      },
      onTimer(at, ctx, out) {
        out.collect(`${ctx.getCurrentKey().length} ${at} ${ctx.state.n.value().toFixed(0)}`);
      },
    });
  expect((await counted.executeAndCollect()).toSorted()).toEqual(['3 100000 6', '3 100000 7', 'ANN', 'ANN', 'BOB']);
});

it('has class forms', async () => {
  class Total extends KeyedProcessFunction<string, Order, string> {
    private total!: ValueState<number>;
    override open(ctx: OpenContext): void {
      this.total = ctx.getState(new ValueStateDescriptor<number>('total'));
    }
    override processElement(o: Order, ctx: KeyedContext<string>): void {
      this.total.update((this.total.value() ?? 0) + o.cents);
      ctx.timerService().registerEventTimeTimer(100_000);
    }
    override onTimer(at: number, ctx: OnTimerContext<string>, out: Collector<string>): void {
      out.collect(`${ctx.getCurrentKey()} ${at} ${ctx.timeDomain} ${this.total.value()}`);
    }
  }
  class Big extends ProcessFunction<Order, Order> {
    override processElement(o: Order, ctx: ProcessContext, out: Collector<Order>): void {
      if (o.cents > 4) ctx.output(big, o.cents);
      out.collect(o);
    }
  }
  class Count extends ProcessWindowFunction<Order, number, string> {
    override process(_key: string, _ctx: WindowContext, rows: readonly Order[], out: Collector<number>): void {
      out.collect(rows.length);
    }
  }
  const big = new OutputTag<number>('big');
  const bigs = source(env()).process(new Big()).getSideOutput(big);
  same<typeof bigs, DataStream<number>>(true);
  expect((await bigs.executeAndCollect()).toSorted((a, b) => a - b)).toEqual([5, 7]);
  expect((await source(env()).keyBy('user').process(new Total()).executeAndCollect()).sort()).toEqual([
    'ann 100000 event-time 6',
    'bob 100000 event-time 7',
  ]);
  const counts = source(env())
    .keyBy('user')
    .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
    .process(new Count());
  expect(await counts.executeAndCollect()).toEqual([1, 1, 1]);
});

it('refuses in the types what cannot work', () => {
  const s = source(env());
  // @ts-expect-error an async function where nothing awaits it
  s.map(async (o) => o.cents);
  // @ts-expect-error a promise is not a boolean
  s.filter(async (o) => o.cents > 1);
  // @ts-expect-error no such field
  s.keyBy('nobody');
  // @ts-expect-error an async key
  s.keyBy(async (o) => o.user);
  // @ts-expect-error a late output of another type
  s.keyBy('user').window(TumblingEventTimeWindows.of(1000)).sideOutputLateData(new OutputTag<string>('late'));
  const config = defineJob({
    name: 'typed',
    config: { input: 'x', limit: 3, strict: true, folder: null },
    build(_env, c) {
      same<typeof c.input, string>(true);
      same<typeof c.limit, number>(true);
      same<typeof c.strict, boolean>(true);
      same<typeof c.folder, string | null>(true);
    },
  });
  expect(() => config.instantiate({ limit: 'many' })).toThrow('setting "limit" is a number');
  expect(() => config.instantiate({ limits: '3' })).toThrow('It has: input, limit, strict, folder');
});
