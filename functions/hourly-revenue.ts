/**
 * Revenue per customer and hour: orders → completed ones → enriched with the customer's segment → keyBy customer → 1 h windows →
 * incremental sum with a window function → files, exactly once.
 */
import { DataGeneratorSource } from '../engine/connectors/datagen/index.ts';
import { FileSink, jsonEncoder } from '../engine/connectors/files/index.ts';
import {
  defineJob,
  Duration,
  ProcessWindowFunction,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type AggregateFunction,
  type WindowContext,
} from '../engine/index.ts';
import { LATENESS_MS, ordersGenerator, type Order } from './orders-generator.ts';

type Segment = 'business' | 'consumer';

interface Sale {
  readonly customer_id: string;
  readonly segment: Segment;
  readonly amount_cents: number;
}

interface Revenue {
  readonly segment: Segment | null;
  readonly orders: number;
  readonly revenue_cents: number;
}

/** What the job writes. */
export interface HourlyRevenue extends Revenue {
  readonly customer_id: string;
  readonly window_start: string;
  readonly window_end: string;
}

/** Cents are whole numbers: the sum is exact, in whatever order the orders come. */
const revenue: AggregateFunction<Sale, Revenue, Revenue> = {
  createAccumulator: () => ({ segment: null, orders: 0, revenue_cents: 0 }),
  add: (sale, { orders, revenue_cents }) => ({
    segment: sale.segment,
    orders: orders + 1,
    revenue_cents: revenue_cents + sale.amount_cents,
  }),
  getResult: (total) => total,
};

class CustomerHour extends ProcessWindowFunction<Revenue, HourlyRevenue, string> {
  override process(customer_id: string, context: WindowContext, [total]: readonly Revenue[]): HourlyRevenue[] {
    const { start, end } = context.window;
    return [
      { customer_id, window_start: new Date(start).toISOString(), window_end: new Date(end).toISOString(), ...total! },
    ];
  }
}

export const job = defineJob({
  name: 'hourly-revenue',
  config: {
    orders: 200_000,
    seed: 42,
    /** Orders a second; 0: as fast as it goes. */
    throttle: 0,
    output: 'out/hourly-revenue',
  },
  build(env, config) {
    const orders = new DataGeneratorSource<Order>({
      generator: ordersGenerator(config.seed),
      count: config.orders,
      ...(config.throttle > 0 ? { rowsPerSecond: config.throttle } : {}),
    });
    env
      .fromSource(
        orders,
        WatermarkStrategy.forBoundedOutOfOrderness<Order>(LATENESS_MS).withTimestampAssigner((order) => order.event_ts),
        'orders',
      )
      .uid('orders')
      .filter((order) => order.status === 'COMPLETED')
      .name('completed')
      .uid('completed')
      .map(enrich)
      .name('enrich')
      .uid('enrich')
      .keyBy('customer_id')
      .window(TumblingEventTimeWindows.of(Duration.ofHours(1)))
      .aggregate(revenue, new CustomerHour())
      .name('revenue per customer and hour')
      .uid('revenue')
      .sinkTo(FileSink.forRowFormat<HourlyRevenue>(config.output, jsonEncoder()).withFileSuffix('.jsonl').build())
      .name('revenue files')
      .uid('revenue-files');
  },
});

/** Every tenth customer is a business: what a lookup of master data would say. */
function enrich({ customer_id, amount_cents }: Order): Sale {
  return { customer_id, segment: customer_id.endsWith('0') ? 'business' : 'consumer', amount_cents };
}
