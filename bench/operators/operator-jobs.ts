/** The benchmark's jobs: one windowed or timed operator each, behind the same source. */
import { FileSource, jsonLines } from '../../engine/connectors/files/index.ts';
import {
  Duration,
  EventTimeSessionWindows,
  keyedProcess,
  parseTimestamp,
  SlidingEventTimeWindows,
  valueState,
  WatermarkStrategy,
  type Collector,
  type DataStream,
  type StreamExecutionEnvironment,
} from '../../engine/index.ts';

export const OPERATORS = ['sliding', 'session', 'timer', 'interval-join'] as const;
export type OperatorName = (typeof OPERATORS)[number];

interface Bid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly dateTime: string;
}
interface Auction {
  readonly id: number;
  readonly seller: number;
  readonly dateTime: string;
}
interface Event {
  readonly event_type: number;
  readonly auction?: Auction;
  readonly bid?: Bid;
}

const totals = {
  createAccumulator: () => ({ count: 0, max: 0 }),
  add: (bid: Bid, total: { count: number; max: number }) => {
    total.count++;
    if (bid.price > total.max) total.max = bid.price;
    return total;
  },
  merge: (a: { count: number; max: number }, b: { count: number; max: number }) => ({
    count: a.count + b.count,
    max: Math.max(a.max, b.max),
  }),
  getResult: (total: { count: number; max: number }) => total,
};

const timeOf = (event: Event): number =>
  parseTimestamp((event.bid ?? event.auction)?.dateTime ?? '1970-01-01 00:00:00');

export function operatorJob(env: StreamExecutionEnvironment, name: OperatorName, file: string): DataStream<unknown> {
  const events = env
    .fromSource(
      FileSource.forRecordStreamFormat(jsonLines<Event>(), file).build(),
      WatermarkStrategy.noWatermarks<Event>(),
      'nexmark',
    )
    .filter((event) => event.event_type > 0)
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forBoundedOutOfOrderness<Event>(Duration.ofSeconds(4)).withTimestampAssigner(timeOf),
    );
  const bids = events.filter((event) => event.event_type === 2).map((event) => event.bid!);
  const auctions = events.filter((event) => event.event_type === 1).map((event) => event.auction!);
  switch (name) {
    case 'sliding':
      return bids
        .keyBy((bid) => bid.auction)
        .window(SlidingEventTimeWindows.of(Duration.ofMinutes(10), Duration.ofMinutes(1)))
        .aggregate(totals);
    case 'session':
      return bids
        .keyBy((bid) => bid.bidder)
        .window(EventTimeSessionWindows.withGap(Duration.ofSeconds(10)))
        .aggregate(totals);
    case 'timer':
      return bids
        .keyBy((bid) => bid.auction)
        .process(
          keyedProcess({
            state: { count: valueState({ defaultValue: 0 }), due: valueState({ defaultValue: 0 }) },
            processElement(_bid: Bid, ctx, _out: Collector<number>) {
              const { count, due } = ctx.state;
              count.update(count.value() + 1);
              const before = due.value();
              if (before > 0) ctx.timerService().deleteEventTimeTimer(before);
              const after = ctx.timestamp()! + 10_000;
              ctx.timerService().registerEventTimeTimer(after);
              due.update(after);
            },
            onTimer(_time, ctx, out) {
              out.collect(ctx.state.count.value());
              ctx.state.count.clear();
              ctx.state.due.clear();
            },
          }),
        );
    case 'interval-join':
      return auctions
        .keyBy((auction) => auction.id)
        .intervalJoin(bids.keyBy((bid) => bid.auction))
        .between(0, Duration.ofSeconds(20))
        .process((auction, bid, _ctx, out: Collector<number>) => out.collect(auction.seller + bid.price));
  }
}
