/** The benchmark's jobs, Kafka to Kafka exactly once in epochs of a second; `flink/FlinkKafkaJob.java` has the same ones. */
import {
  jsonEncoder,
  jsonLines,
  KafkaSink,
  KafkaSource,
  OffsetsInitializer,
} from '../../engine/connectors/kafka/index.ts';
import {
  Duration,
  schema,
  StreamExecutionEnvironment,
  t,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type InferRow,
} from '../../engine/index.ts';

/** `windows` ends when the topic is drained; `pass-through` writes each record and does not end. */
export type KafkaJobName = 'windows' | 'pass-through';

export interface KafkaJobPlace {
  readonly bootstrapServers: string;
  readonly input: string;
  readonly output: string;
}

const order = schema({ customer_id: t.string(), amount_cents: t.int(), status: t.string(), event_ts: t.int() });
type Order = InferRow<typeof order>;

export function kafkaJob(name: KafkaJobName, place: KafkaJobPlace): StreamExecutionEnvironment {
  const env = StreamExecutionEnvironment.getExecutionEnvironment().enableCheckpointing(1000);
  env.setParallelism(1);
  if (name === 'windows') windows(env, place);
  else passThrough(env, place);
  return env;
}

function windows(env: StreamExecutionEnvironment, { bootstrapServers, input, output }: KafkaJobPlace): void {
  const source = KafkaSource.builder()
    .setBootstrapServers(bootstrapServers)
    .setTopics(input)
    .setBounded(OffsetsInitializer.latest())
    .setValueOnlyDeserializer(jsonLines(order))
    .build();
  env
    .fromSource(
      source,
      WatermarkStrategy.forBoundedOutOfOrderness<Order>(Duration.ofSeconds(5)).withTimestampAssigner((o) => o.event_ts),
      'orders',
    )
    .filter((o) => o.status === 'COMPLETED')
    .keyBy('customer_id')
    .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
    .aggregate(
      {
        createAccumulator: () => ({ cents: 0, count: 0 }),
        add: (o, total) => {
          total.cents += o.amount_cents;
          total.count++;
          return total;
        },
        getResult: (total) => total,
      },
      (customer_id, { window }, [total], out: { collect(row: Total): void }) =>
        out.collect({ window_start: window.start, customer_id, cents: total!.cents, count: total!.count }),
    )
    .sinkTo(
      KafkaSink.builder<Total>()
        .setBootstrapServers(bootstrapServers)
        .setTransactionalIdPrefix(output)
        .setRecordSerializer({ topic: output, key: (total) => total.customer_id, value: jsonEncoder<Total>() })
        .build(),
    );
}

interface Total {
  readonly window_start: number;
  readonly customer_id: string;
  readonly cents: number;
  readonly count: number;
}

/** Records keep their timestamps, which are the times of the append: what comes out says when it went in. */
function passThrough(env: StreamExecutionEnvironment, { bootstrapServers, input, output }: KafkaJobPlace): void {
  const source = KafkaSource.builder()
    .setBootstrapServers(bootstrapServers)
    .setTopics(input)
    .setStartingOffsets(OffsetsInitializer.earliest())
    .setValueOnlyDeserializer(jsonLines(order))
    .build();
  env
    .fromSource(source, WatermarkStrategy.noWatermarks<Order>(), 'orders')
    .map(({ customer_id, amount_cents, status, event_ts }) => ({ customer_id, amount_cents, status, event_ts }))
    .sinkTo(
      KafkaSink.builder<Order>()
        .setBootstrapServers(bootstrapServers)
        .setTransactionalIdPrefix(output)
        .setRecordSerializer({ topic: output, key: (o) => o.customer_id, value: jsonEncoder<Order>() })
        .build(),
    );
}
