/** Several streams: what must infer without a cast, and what must not compile. Checked by `npm run types`; run for the values. */
import { expect, it } from 'vitest';
import {
  Duration,
  KeyedCoProcessFunction,
  MapStateDescriptor,
  OutputTag,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  valueState,
  WatermarkStrategy,
  type Collector,
  type DataStream,
  type KeyedContext,
  type ListStateDescriptor,
} from '../../engine/index.ts';

interface Order {
  readonly user: string;
  readonly cents: number;
  readonly at: number;
}
interface Rate {
  readonly country: string;
  readonly owner: string;
  readonly percent: number;
  readonly at: number;
}
const ORDERS: Order[] = [
  { user: 'ann', cents: 500, at: 1000 },
  { user: 'bob', cents: 700, at: 2000 },
];
const RATES: Rate[] = [{ country: 'fi', owner: 'ann', percent: 24, at: 1500 }];
const PERCENT = new MapStateDescriptor<string, number>('percent');

type Is<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const same = <A, B>(_: Is<A, B>): void => undefined;
type ElementOf<S> = S extends DataStream<infer T> ? T : never;

function streams(): { orders: DataStream<Order>; rates: DataStream<Rate> } {
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const strategy = <T extends { at: number }>(): WatermarkStrategy<T> =>
    WatermarkStrategy.forBoundedOutOfOrderness<T>(Duration.ofSeconds(5)).withTimestampAssigner((e) => e.at);
  return {
    orders: env.fromData(...ORDERS).assignTimestampsAndWatermarks(strategy<Order>()),
    rates: env.fromData(...RATES).assignTimestampsAndWatermarks(strategy<Rate>()),
  };
}

it('infers both sides, keys and states of connected streams', async () => {
  const { orders, rates } = streams();
  const mapped = orders.connect(rates).map({ map1: (order) => order.cents, map2: (rate) => rate.country });
  same<ElementOf<typeof mapped>, number | string>(true);
  const out = orders
    .keyBy('user')
    .connect(rates.keyBy('owner'))
    .process({
      state: { cents: valueState<number>({ defaultValue: 0 }) },
      processElement1(order, ctx, _out: Collector<string>) {
        ctx.state.cents.update(ctx.state.cents.value() + order.cents);
        same<ReturnType<typeof ctx.getCurrentKey>, string>(true);
      },
      processElement2(rate, ctx) {
        ctx.timerService().registerEventTimeTimer(rate.at + 60_000);
      },
      onTimer(_at, ctx, collect) {
        collect.collect(`${ctx.getCurrentKey()} ${ctx.state.cents.value()}`);
      },
    });
  same<ElementOf<typeof out>, string>(true);
  expect(await out.executeAndCollect()).toEqual(['ann 500']);
});

it('infers the states of a broadcast stream, and lets only its own side write them', async () => {
  const { orders, rates } = streams();
  const late = new OutputTag<number>('none yet');
  const out = orders.connect(rates.broadcast(PERCENT)).process({
    processElement(order, ctx, collect: Collector<number>) {
      const percent = ctx.getBroadcastState(PERCENT).get(order.user);
      same<typeof percent, number | null>(true);
      // @ts-expect-error -- a row of the stream that is not broadcast may only read
      void ctx.getBroadcastState(PERCENT).put;
      if (percent === null) ctx.output(late, order.cents);
      else collect.collect(order.cents * percent);
    },
    processBroadcastElement(rate, ctx) {
      ctx.getBroadcastState(PERCENT).put(rate.owner, rate.percent);
    },
  });
  same<ElementOf<typeof out>, number>(true);
  expect((await out.executeAndCollect()).length).toBeLessThanOrEqual(2);
});

it('infers joins', async () => {
  const { orders, rates } = streams();
  const near = orders
    .keyBy('user')
    .intervalJoin(rates.keyBy((rate) => rate.owner))
    .between(-Duration.ofSeconds(1), Duration.ofSeconds(1))
    .process((order, rate, ctx) => [{ cents: order.cents, country: rate.country, at: ctx.getTimestamp() }]);
  same<ElementOf<typeof near>, { cents: number; country: string; at: number }>(true);
  const windows = TumblingEventTimeWindows.of(Duration.ofMinutes(1));
  const joined = orders
    .join(rates)
    .where('user')
    .equalTo('owner')
    .window(windows)
    .apply((order, rate) => `${order.user} ${rate.country}`);
  same<ElementOf<typeof joined>, string>(true);
  const grouped = orders
    .coGroup(rates)
    .where((order) => order.user)
    .equalTo('owner')
    .window(windows)
    .apply((some, others) => [some.length - others.length]);
  same<ElementOf<typeof grouped>, number>(true);
  const all = near.map(({ at }) => `near ${at}`).union(joined, grouped.map(String));
  expect((await all.executeAndCollect()).sort()).toEqual(['0', '1', 'ann fi', 'near 1500']);
});

class ByNumber extends KeyedCoProcessFunction<number, Order, Rate, string> {
  processElement1(_order: Order, ctx: KeyedContext<number>, out: Collector<string>): void {
    out.collect(String(ctx.getCurrentKey()));
  }
  processElement2(): void {
    // Nothing.
  }
}

/** Never called: that it compiles, and where it does not, is the test. */
export function refused(list: ListStateDescriptor<string>): void {
  const { orders, rates } = streams();
  // @ts-expect-error -- a keyed stream with one that is not
  orders.keyBy('user').connect(rates);
  // @ts-expect-error -- a stream without keys with a keyed one
  orders.connect(rates.keyBy('owner'));
  // @ts-expect-error -- keys of two types
  orders.keyBy('user').connect(rates.keyBy('percent'));
  // @ts-expect-error -- keys of two types
  orders.join(rates).where('user').equalTo('percent');
  // @ts-expect-error -- the function is for another type of key
  orders.keyBy('user').connect(rates.keyBy('owner')).process(new ByNumber());
  // @ts-expect-error -- an async function
  orders.connect(rates).map({ map1: async () => Promise.resolve(1), map2: () => 1 });
  // @ts-expect-error -- broadcast state is a map
  rates.broadcast(list);
}
