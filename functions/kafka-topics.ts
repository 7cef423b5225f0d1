/** A job's inputs and outputs as Kafka topics, where its settings say so. */
import {
  KafkaSink,
  KafkaSource,
  OffsetsInitializer,
  readPropertiesFile,
  type RecordSerializer,
  type ValueFormat,
} from '../engine/connectors/kafka/index.ts';
import { ConfigError } from '../engine/index.ts';

/** Settings of every job that can read or write Kafka. */
export const kafkaSettings = {
  /** `host:port`, several with commas. Default: what the properties file says, else localhost:9092. */
  bootstrapServers: null,
  /** A properties file, as Kafka's own tools take it: security.protocol, sasl.jaas.config … */
  kafkaProperties: null,
  inputTopic: 'input',
  /** The job ends where the topic ends when it starts; false: it reads on. */
  bounded: true,
  /** It ends there instead, be the records there when it starts or not: `partition:offset`, several with commas. */
  endOffsets: null,
  /** Of the sinks' topics; they must exist. */
  outputTopic: 'output',
  /** Begins the sinks' transactional ids, where two runs of a job at once are not to fence each other. Default: the job's name. */
  transactionalIdPrefix: null,
};

export interface KafkaSettings {
  readonly bootstrapServers: string | null;
  readonly kafkaProperties: string | null;
  readonly inputTopic: string;
  readonly bounded: boolean;
  readonly endOffsets: string | null;
  readonly transactionalIdPrefix: string | null;
}

export function topicSource<T>(settings: KafkaSettings, format: ValueFormat<T>): KafkaSource<T> {
  const source = KafkaSource.builder()
    .setProperties(propertiesOf(settings))
    .setTopics(settings.inputTopic)
    .setStartingOffsets(OffsetsInitializer.earliest())
    .setValueOnlyDeserializer(format);
  return (settings.bounded ? source.setBounded(endOf(settings)) : source).build();
}

function endOf({ endOffsets, inputTopic }: KafkaSettings): OffsetsInitializer {
  if (endOffsets === null) return OffsetsInitializer.latest();
  const ends = endOffsets.split(',').map((text) => {
    const [, partition, offset] = /^(\d+):(\d+)$/.exec(text.trim()) ?? [];
    if (partition === undefined)
      throw new ConfigError(`setting "endOffsets" is like "0:2500,1:2480"; got "${endOffsets}".`);
    return [`${inputTopic}-${partition}`, Number(offset)] as const;
  });
  return OffsetsInitializer.offsets(Object.fromEntries(ends));
}

/** For a setting that is one of a few words. */
export function oneOf<const W extends string>(setting: string, value: string, words: readonly W[]): W {
  const found = words.find((word) => word === value);
  if (found === undefined) throw new ConfigError(`setting "${setting}" is one of ${words.join(', ')}; got "${value}".`);
  return found;
}

/**
 * Exactly once; readers need `isolation.level=read_committed`. Records carry the time of writing: with event times of 2013 the brokers
 * would take them for older than `retention.ms`, and delete them within minutes.
 */
export function topicSink<T>(
  settings: KafkaSettings,
  serializer: RecordSerializer<T> & { readonly topic: string },
): KafkaSink<T> {
  const { transactionalIdPrefix: prefix } = settings;
  const sink = KafkaSink.builder()
    .setProperties(propertiesOf(settings))
    .setRecordSerializer({ timestamp: () => Date.now(), ...serializer });
  return (prefix === null ? sink : sink.setTransactionalIdPrefix(`${prefix}-${serializer.topic}`)).build();
}

function propertiesOf({ bootstrapServers, kafkaProperties }: KafkaSettings): Readonly<Record<string, string>> {
  return {
    'bootstrap.servers': 'localhost:9092',
    ...(kafkaProperties === null ? {} : readPropertiesFile(kafkaProperties)),
    ...(bootstrapServers === null ? {} : { 'bootstrap.servers': bootstrapServers }),
  };
}
