/** How rows become Kafka records: the object form, the form of one's own, and what Flink's builder makes of its parts. */
import type { ValueEncoder } from '../../../formats/value-encoder.ts';
import { ConfigError } from '../../../model/errors.ts';

/** Text is written as UTF-8. */
export type Content = string | Uint8Array;

export type Headers = Readonly<Record<string, Content>> | readonly (readonly [name: string, value: Content])[];

/** Flink: SerializationSchema. A function, an encoder (`jsonEncoder()`, Avro with a registry), or an object that may load what it needs first. */
export type SerializationSchema<T> =
  | ((row: T) => Content | null)
  | ValueEncoder<T>
  | {
      serialize(row: T): Content | null;
      /** Once in each process, before the first row. */
      open?(): Promise<void>;
    };

/** Flink: KafkaPartitioner. `partitions` are those of `targetTopic`, by number. */
export type KafkaPartitioner<T> =
  | PartitionerFunction<T>
  | {
      partition: PartitionerFunction<T>;
    };
export type PartitionerFunction<T> = (
  row: T,
  key: Uint8Array | null,
  value: Uint8Array | null,
  targetTopic: string,
  partitions: readonly number[],
) => number;

/** The record of a row, part by part. Without a partitioner: by key as every Kafka client does, spread where there is none. */
export interface RecordSerializer<T> {
  readonly topic: string | ((row: T) => string);
  readonly value: SerializationSchema<T>;
  readonly key?: SerializationSchema<T>;
  readonly headers?: (row: T) => Headers;
  /** Epoch milliseconds. Default: the row's event time; the wall clock where it has none. */
  readonly timestamp?: (row: T, eventTime: number) => number;
  readonly partitioner?: KafkaPartitioner<T>;
}

export interface KafkaProducerRecord {
  readonly topic: string;
  readonly key?: Content | null;
  readonly value: Content | null;
  readonly headers?: Headers;
  /** Default: by key. */
  readonly partition?: number;
  /** Default: the row's event time; the wall clock where it has none. */
  readonly timestamp?: number;
}

/** Flink: KafkaRecordSerializationSchema. Makes the whole record; null writes none. */
export interface KafkaRecordSerializationSchema<T> {
  /** `timestamp`: the row's event time, null where it has none. */
  serialize(row: T, timestamp: number | null): KafkaProducerRecord | null;
  open?(): Promise<void>;
}

export const KafkaRecordSerializationSchema = {
  /** Answers what `KafkaSinkBuilder.setRecordSerializer` takes. */
  builder<T = unknown>(): KafkaRecordSerializationSchemaBuilder<T> {
    return new KafkaRecordSerializationSchemaBuilder<T>({});
  },
} as const;

/** Immutable: each method answers another builder. */
export class KafkaRecordSerializationSchemaBuilder<T> {
  private readonly parts: Partial<RecordSerializer<T>>;

  constructor(parts: Partial<RecordSerializer<T>>) {
    this.parts = parts;
  }

  setTopic(topic: string): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ topic });
  }
  /** The topic of each row. */
  setTopicSelector(topic: (row: T) => string): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ topic });
  }
  setKeySerializationSchema(key: SerializationSchema<T>): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ key });
  }
  setValueSerializationSchema(value: SerializationSchema<T>): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ value });
  }
  setHeaderProvider(headers: (row: T) => Headers): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ headers });
  }
  setPartitioner(partitioner: KafkaPartitioner<T>): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ partitioner });
  }
  /** Default: the row's event time. */
  setTimestamp(timestamp: (row: T, eventTime: number) => number): KafkaRecordSerializationSchemaBuilder<T> {
    return this.with({ timestamp });
  }

  build(): RecordSerializer<T> {
    const { topic, value, ...rest } = this.parts;
    if (topic === undefined || topic === '')
      throw new ConfigError(
        'KafkaRecordSerializationSchema has no topic: call setTopic("name") or setTopicSelector((row) => …).',
      );
    if (value === undefined)
      throw new ConfigError(
        'KafkaRecordSerializationSchema has no value: call setValueSerializationSchema((row) => JSON.stringify(row)).',
      );
    return { topic, value, ...rest };
  }

  private with(parts: Partial<RecordSerializer<T>>): KafkaRecordSerializationSchemaBuilder<T> {
    return new KafkaRecordSerializationSchemaBuilder<T>({ ...this.parts, ...parts });
  }
}
