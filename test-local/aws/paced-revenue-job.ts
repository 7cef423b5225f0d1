/** Revenue per customer and minute, from topic to topic, slowed down: its epochs are many, so that there is always one to disturb. */
import { jsonEncoder, jsonLines, schema, t } from '../../engine/connectors/files/index.ts';
import {
  defineJob,
  Duration,
  ProcessWindowFunction,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type AggregateFunction,
  type EpochMode,
  type StateBackendName,
  type WindowContext,
} from '../../engine/index.ts';
import { kafkaSettings, topicSink, topicSource } from '../../functions/kafka-topics.ts';
import { LATENESS_MS } from '../../functions/orders-generator.ts';

const orderLine = schema({ customer_id: t.string(), amount_cents: t.int(), event_ts: t.int() });
interface OrderRow {
  readonly customer_id: string;
  readonly amount_cents: number;
  readonly event_ts: number;
}

interface Revenue {
  readonly orders: number;
  readonly cents: number;
}

const revenue: AggregateFunction<OrderRow, Revenue, Revenue> = {
  createAccumulator: () => ({ orders: 0, cents: 0 }),
  add: (order, { orders, cents }) => ({ orders: orders + 1, cents: cents + order.amount_cents }),
  getResult: (total) => total,
};

interface CustomerRevenue extends Revenue {
  readonly customer: string;
  readonly from: number;
}

class OfMinute extends ProcessWindowFunction<Revenue, CustomerRevenue, string> {
  override process(customer: string, context: WindowContext, [total]: readonly Revenue[]): CustomerRevenue[] {
    return [{ customer, from: context.window.start, ...total! }];
  }
}

function spin(micros: number): void {
  const until = performance.now() + micros / 1000;
  while (performance.now() < until);
}

export const job = defineJob({
  name: 'paced-revenue',
  config: { ...kafkaSettings, micros: 0, epochMs: 400, epochMode: 'auto', parallelism: 1, stateBackend: '' },
  build(env, config) {
    const { micros } = config;
    env
      .enableCheckpointing(config.epochMs)
      .setParallelism(config.parallelism)
      .setEpochMode(config.epochMode as EpochMode);
    if (config.stateBackend !== '') env.setStateBackend(config.stateBackend as StateBackendName);
    env
      .fromSource(
        topicSource(config, jsonLines(orderLine)),
        WatermarkStrategy.forBoundedOutOfOrderness<OrderRow>(LATENESS_MS).withTimestampAssigner(
          (order) => order.event_ts,
        ),
        'orders',
      )
      .uid('orders')
      .map((order) => {
        spin(micros);
        return order;
      })
      .uid('slow')
      .keyBy('customer_id')
      .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
      .aggregate(revenue, new OfMinute())
      .uid('revenue')
      .sinkTo(topicSink(config, { topic: config.outputTopic, key: (row) => row.customer, value: jsonEncoder() }))
      .uid('revenue-topic');
  },
});
