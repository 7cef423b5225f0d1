/**
 * Revenue per customer and hour: orders → completed ones → enriched with the customer's segment → keyBy customer → 1 h windows →
 * incremental sum with a window function → files, exactly once. With `--set source=kafka --set sink=kafka` orders come from a topic
 * and results go to one.
 */
import { DataGeneratorSource } from '../engine/connectors/datagen/index.ts';
import { FileSink, jsonEncoder, jsonLines, schema, t } from '../engine/connectors/files/index.ts';
import {
  defineJob,
  Duration,
  ProcessWindowFunction,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type AggregateFunction,
  type Config,
  type Sink,
  type Source,
  type WindowContext,
} from '../engine/index.ts';
import { kafkaSettings, oneOf, topicSink, topicSource } from './kafka-topics.ts';
import { LATENESS_MS, ordersGenerator } from './orders-generator.ts';

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

/** What the job needs of an order. */
const orderLine = schema({
  customer_id: t.string(),
  amount_cents: t.int(),
  status: t.string(),
  event_ts: t.int(),
});
interface OrderRow {
  readonly customer_id: string;
  readonly amount_cents: number;
  readonly status: string;
  /** Event time, epoch milliseconds. */
  readonly event_ts: number;
}

const settings = {
  ...kafkaSettings,
  inputTopic: 'orders',
  outputTopic: 'hourly-revenue',
  /** `generator` or `kafka`. */
  source: 'generator',
  /** `files` or `kafka`. */
  sink: 'files',
  orders: 200_000,
  seed: 42,
  /** Orders a second; 0: as fast as it goes. */
  throttle: 0,
  output: 'out/hourly-revenue',
};

export const job = defineJob({
  name: 'hourly-revenue',
  config: settings,
  build(env, config) {
    env
      .fromSource(
        ordersOf(config),
        WatermarkStrategy.forBoundedOutOfOrderness<OrderRow>(LATENESS_MS).withTimestampAssigner(
          (order) => order.event_ts,
        ),
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
      .sinkTo(revenueSink(config))
      .name('revenue files')
      .uid('revenue-files');
  },
});

function ordersOf(config: Config<typeof settings>): Source<OrderRow> {
  if (oneOf('source', config.source, ['generator', 'kafka']) === 'kafka')
    return topicSource(config, jsonLines(orderLine));
  return new DataGeneratorSource<OrderRow>({
    generator: ordersGenerator(config.seed),
    count: config.orders,
    ...(config.throttle > 0 ? { rowsPerSecond: config.throttle } : {}),
  });
}

function revenueSink(config: Config<typeof settings>): Sink<HourlyRevenue> {
  if (oneOf('sink', config.sink, ['files', 'kafka']) === 'files')
    return FileSink.forRowFormat<HourlyRevenue>(config.output, jsonEncoder()).withFileSuffix('.jsonl').build();
  return topicSink(config, { topic: config.outputTopic, key: (row) => row.customer_id, value: jsonEncoder() });
}

/** Every tenth customer is a business: what a lookup of master data would say. */
function enrich({ customer_id, amount_cents }: OrderRow): Sale {
  return { customer_id, segment: customer_id.endsWith('0') ? 'business' : 'consumer', amount_cents };
}
