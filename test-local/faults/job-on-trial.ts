/**
 * The job that faults happen to. Four partitions; sums per key and second; each sum goes to a topic and to a table, both exactly once:
 *
 *     Kafka ─ filter ─ keyBy(key) ─ 1 s windows ─┬─ Kafka
 *                                                └─ PostgreSQL or MariaDB
 *
 * It ends where each partition has `rows` records, be they there when it starts or not.
 */
import {
  JdbcConnectionOptionsBuilder,
  JdbcExactlyOnceOptions,
  JdbcExecutionOptions,
  JdbcSink,
} from '../../engine/connectors/jdbc/index.ts';
import {
  jsonLines,
  KafkaSink,
  KafkaSource,
  OffsetsInitializer,
  schema,
  t,
} from '../../engine/connectors/kafka/index.ts';
import {
  defineJob,
  Duration,
  ProcessWindowFunction,
  RestartStrategies,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type AggregateFunction,
  type Config,
  type JobModule,
  type WindowContext,
} from '../../engine/index.ts';
import { oneOf } from '../../functions/kafka-topics.ts';
import { PARTITIONS, WINDOW_MS, type InputRow, type Total } from './job-input.ts';

const settings = {
  bootstrapServers: '',
  /** The library. */
  client: 'platformatic',
  inputTopic: '',
  outputTopic: '',
  /** Of each partition. */
  rows: 0,
  transactionalIdPrefix: '',
  transactionTimeoutMs: 60_000,
  /** How long the sink's client tries again by itself. */
  kafkaPatienceMs: 60_000,
  url: '',
  user: '',
  password: '',
  table: '',
  ledger: '',
  restarts: 100,
  checkpointTimeoutMs: 20_000,
  /** `--epochs-ms`, `--epoch-mode` and `--parallelism` win. */
  epochMs: 20,
  epochMode: 'auto',
  parallelism: 1,
  /** `hashmap` or `table`; empty: as the place has it. */
  backend: '',
  /** Records of the window that begins then are large, so that one transaction takes several produce requests; −1: none. */
  largeWindow: -1,
  largeBytes: 250_000,
};

const row = schema({ key: t.string(), at: t.int(), cents: t.int(), kept: t.boolean() });

interface Sum {
  readonly n: number;
  readonly cents: number;
}

const sum: AggregateFunction<InputRow, Sum, Sum> = {
  createAccumulator: () => ({ n: 0, cents: 0 }),
  add: ({ cents }, acc) => ({ n: acc.n + 1, cents: acc.cents + cents }),
  getResult: (acc) => acc,
};

class KeySecond extends ProcessWindowFunction<Sum, Total, string> {
  override process(key: string, { window }: WindowContext, [total]: readonly Sum[]): Total[] {
    return [{ key, second: window.start, ...total! }];
  }
}

export const jobOnTrial = (name: string): JobModule =>
  defineJob({
    name,
    config: settings,
    build(env, config) {
      env.enableCheckpointing(config.epochMs);
      env.setParallelism(config.parallelism);
      if (config.backend !== '') env.setStateBackend(oneOf('backend', config.backend, ['hashmap', 'table']));
      env.setEpochMode(oneOf('epochMode', config.epochMode, ['auto', 'fused', 'fanned-out']));
      env.setRestartStrategy(RestartStrategies.fixedDelayRestart(config.restarts, 50));
      env.getCheckpointConfig().setCheckpointTimeout(config.checkpointTimeoutMs);
      const totals = env
        .fromSource(
          sourceOf(config),
          WatermarkStrategy.forMonotonousTimestamps<InputRow>().withTimestampAssigner(({ at }) => at),
          'rows',
        )
        .uid('rows')
        .filter(({ kept }) => kept)
        .uid('kept')
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(Duration.ofMillis(WINDOW_MS)))
        .aggregate(sum, new KeySecond())
        .uid('totals');
      totals.sinkTo(topicOf(config)).uid('topic');
      totals.sinkTo(tableOf(config)).uid('table');
    },
  });

type Settings = Config<typeof settings>;

const clientOf = ({ client }: Settings) => oneOf('client', client, ['platformatic', 'kafkajs']);

function sourceOf(config: Settings): KafkaSource<InputRow> {
  const { bootstrapServers, inputTopic, rows } = config;
  const ends = Array.from({ length: PARTITIONS }, (_, p) => [`${inputTopic}-${p}`, rows] as const);
  return KafkaSource.builder()
    .setBootstrapServers(bootstrapServers)
    .setClient(clientOf(config))
    .setTopics(inputTopic)
    .setBounded(OffsetsInitializer.offsets(Object.fromEntries(ends)))
    .setValueOnlyDeserializer(jsonLines(row))
    .build();
}

function topicOf(config: Settings): KafkaSink<Total> {
  const { bootstrapServers, outputTopic, transactionalIdPrefix, largeWindow, largeBytes } = config;
  return KafkaSink.builder()
    .setBootstrapServers(bootstrapServers)
    .setClient(clientOf(config))
    .setProperties({
      'transaction.timeout.ms': String(config.transactionTimeoutMs),
      'default.api.timeout.ms': String(config.kafkaPatienceMs),
    })
    .setTransactionalIdPrefix(transactionalIdPrefix)
    .setRecordSerializer<Total>({
      topic: outputTopic,
      key: ({ key }) => key,
      value: (total) => JSON.stringify(total).padEnd(total.second === largeWindow ? largeBytes : 0),
      timestamp: () => Date.now(),
    })
    .build();
}

/** Without a key: a row that is written twice is there twice. */
function tableOf({ url, user, password, table, ledger }: Settings): JdbcSink<Total> {
  return JdbcSink.builder<Total>()
    .withTable({ name: table, columns: ['key', 'second', 'n', 'cents'] })
    .withExecutionOptions(JdbcExecutionOptions.builder().withMaxRetries(1).build())
    .buildExactlyOnce(
      new JdbcConnectionOptionsBuilder().withUrl(url).withUsername(user).withPassword(password).build(),
      new JdbcExactlyOnceOptions(ledger),
    );
}
