/** The orders job of ../shared/oracle in its three forms: filter, keyBy customer, 1-hour tumbling sum, exactly-once file sink. */
import {
  FileSink,
  FileSource,
  jsonEncoder,
  jsonLines,
  type FileSourceBuilder,
} from '../../engine/connectors/files/index.ts';
import {
  Duration,
  parseTimestamp,
  schema,
  t,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type InferRow,
  type KeyedStream,
  type StreamExecutionEnvironment,
} from '../../engine/index.ts';

export const VARIANTS = ['closures', 'schema', 'schema-key-field'] as const;
export type Variant = (typeof VARIANTS)[number];

interface Order {
  readonly customer_id: string;
  readonly amount: number;
  readonly status: string;
  readonly event_ts: string;
}

const declared = schema({ customer_id: t.string(), amount: t.number(), status: t.string(), event_ts: t.timestamp() });
type DeclaredOrder = InferRow<typeof declared>;

/** `splitSize`: bytes of a split; null: the file is one. */
export function buildOrders(
  env: StreamExecutionEnvironment,
  variant: Variant,
  file: string,
  output: string,
  splitSize: number | null,
): void {
  env.enableCheckpointing(1000);
  if (variant === 'closures') {
    const orders = env.fromSource(
      cut(FileSource.forRecordStreamFormat(jsonLines<Order>(), file), splitSize).build(),
      WatermarkStrategy.forBoundedOutOfOrderness<Order>(Duration.ofSeconds(5)).withTimestampAssigner((o) =>
        parseTimestamp(o.event_ts),
      ),
      'orders',
    );
    hourly(
      orders.filter((o) => o.status === 'COMPLETED').keyBy((o) => o.customer_id),
      output,
    );
    return;
  }
  const orders = env
    .fromSource(
      cut(FileSource.forRecordStreamFormat(jsonLines(declared), file), splitSize).build(),
      WatermarkStrategy.forBoundedOutOfOrderness<DeclaredOrder>(Duration.ofSeconds(5)).withTimestampAssigner(
        (o) => o.event_ts,
      ),
      'orders',
    )
    .filter((o) => o.status === 'COMPLETED');
  hourly(variant === 'schema' ? orders.keyBy((o) => o.customer_id) : orders.keyBy('customer_id'), output);
}

function cut<T>(source: FileSourceBuilder<T>, splitSize: number | null): FileSourceBuilder<T> {
  return splitSize === null ? source : source.splitSize(splitSize);
}

function hourly<T extends { readonly amount: number }>(orders: KeyedStream<T, string>, output: string): void {
  orders
    .window(TumblingEventTimeWindows.of(Duration.ofHours(1)))
    .aggregate(
      {
        createAccumulator: () => ({ cents: 0, count: 0 }),
        add: (o, total) => {
          total.cents += Math.round(o.amount * 100);
          total.count++;
          return total;
        },
        // Sums of whole cents are exact: they may be put together in any order, and so before the shuffle.
        merge: (a, b) => {
          a.cents += b.cents;
          a.count += b.count;
          return a;
        },
        preAggregate: true,
        getResult: (total) => total,
      },
      (customer_id, { window }, [total], out: { collect(row: object): void }) =>
        out.collect({ window_start: window.start, customer_id, cents: total!.cents, count: total!.count }),
    )
    .sinkTo(FileSink.forRowFormat<object>(output, jsonEncoder()).build());
}
