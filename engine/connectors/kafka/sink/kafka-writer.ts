/** Rows as staged frames: serialized once, so that publishing only puts records into batches. */
import { RetryableError } from '../../../model/errors.ts';
import { MAX_WATERMARK, NO_TIMESTAMP } from '../../../model/watermark.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { SinkWriter, StagedOutput } from '../../../ports/sink.ts';
import { RECORDS } from '../client/record-batch-format.ts';
import { RecordFrames } from './record-frames.ts';
import type {
  Content,
  Headers,
  KafkaRecordSerializationSchema,
  PartitionerFunction,
  RecordSerializer,
} from './serialization.ts';

/**
 * What a batch of one record takes besides its frame, at most: its header, and lengths where the frame has shorter ones. Java's limit counts them
 * too: with the brokers' defaults, what passes `max.request.size` fits into `max.message.bytes`.
 */
const BATCH_BYTES = RECORDS + 5;
/** Exact as a number; what brokers themselves take ends earlier (message.timestamp.after.max.ms). */
const MAX_TIMESTAMP = Number.MAX_SAFE_INTEGER;
/** Kafka's "none": the event time of records that were read without one. */
const NO_KAFKA_TIME = -1;

/** What a row becomes; the writer's own object, used again for the next row. */
export interface RowRecord {
  topic: string;
  partition: number;
  /** Null: the row's event time, or the wall clock. */
  timestamp: number | null;
  key: Content | null;
  value: Content | null;
  headers: Headers | null;
}
/** Fills `into`; false: the row is not written. */
export type ToRecord<T> = (row: T, eventTime: number, into: RowRecord) => boolean;
/** Number of partitions by topic, as known when the process began. */
export type PartitionCounts = ReadonlyMap<string, number>;

export class KafkaWriter<T> implements SinkWriter<T> {
  failedRow = -1;
  private readonly toRecord: ToRecord<T>;
  private readonly clock: Clock;
  private readonly maxRecordBytes: number;
  private readonly frames = new RecordFrames();
  private readonly record: RowRecord = {
    topic: '',
    partition: -1,
    timestamp: null,
    key: null,
    value: null,
    headers: null,
  };

  constructor(toRecord: ToRecord<T>, clock: Clock, maxRecordBytes: number) {
    this.toRecord = toRecord;
    this.clock = clock;
    this.maxRecordBytes = maxRecordBytes;
  }

  get bytes(): number {
    return this.frames.bytes;
  }

  write(values: readonly T[], timestamps: Float64Array, n: number): void {
    const { record, frames, maxRecordBytes } = this;
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      const eventTime = timestamps[i]!;
      if (!this.toRecord(values[i]!, eventTime, record)) continue;
      const { topic, partition, key, value, headers } = record;
      const timestamp = record.timestamp ?? (hasTime(eventTime) ? eventTime : this.clock.nowMs());
      // A time before 1970 cannot be written: the brokers refuse it.
      if (!(timestamp >= 0 && timestamp <= MAX_TIMESTAMP))
        throw new Error(
          `the record's timestamp is ${timestamp}; Kafka takes milliseconds from 0 to ${MAX_TIMESTAMP}. Give it another one: timestamp: (row) => … of the record serializer.`,
        );
      const room = maxRecordBytes - BATCH_BYTES;
      const size = frames.add(topic, partition, Math.floor(timestamp), key, value, headers, room);
      if (size > room)
        throw new Error(
          `the record takes ${size + BATCH_BYTES} bytes, and max.request.size is ${maxRecordBytes}: raise it with setProperty("max.request.size", …), and the topic's max.message.bytes with it, or write less.`,
        );
    }
    this.failedRow = -1;
  }

  take(): StagedOutput {
    const { records } = this.frames;
    return { records, chunks: this.frames.take() };
  }

  discard(): void {
    this.frames.clear();
  }
}

/** The window of all times ends at `MAX_WATERMARK`: no time to write either. */
const hasTime = (eventTime: number): boolean =>
  eventTime !== NO_TIMESTAMP && eventTime !== NO_KAFKA_TIME && eventTime < MAX_WATERMARK;

/** A schema of the user's own. */
export function recordOfSchema<T>(schema: KafkaRecordSerializationSchema<T>): ToRecord<T> {
  return (row, eventTime, into) => {
    const record = schema.serialize(row, eventTime === NO_TIMESTAMP ? null : eventTime);
    if (record === null) return false;
    into.topic = topicOf(record.topic);
    into.partition = record.partition === undefined ? -1 : partitionOf(record.partition);
    into.timestamp = record.timestamp ?? null;
    into.key = contentOf(record.key ?? null, 'key');
    into.value = contentOf(record.value, 'value');
    into.headers = record.headers ?? null;
    return true;
  };
}

/** Part by part. */
export function recordOfParts<T>(parts: RecordSerializer<T>, counts: PartitionCounts): ToRecord<T> {
  const { topic, headers, timestamp, partitioner } = parts;
  const value = serializeOf(parts.value);
  const key = parts.key === undefined ? null : serializeOf(parts.key);
  const partition =
    partitioner === undefined
      ? null
      : typeof partitioner === 'function'
        ? partitioner
        : partitioner.partition.bind(partitioner);
  return (row, eventTime, into) => {
    into.topic = typeof topic === 'string' ? topic : topicOf(topic(row));
    into.key = key === null ? null : contentOf(key(row), 'key');
    into.value = contentOf(value(row), 'value');
    into.headers = headers === undefined ? null : headers(row);
    into.timestamp = timestamp === undefined ? null : timestamp(row, eventTime);
    into.partition = partition === null ? -1 : partitionBy(partition, row, into, counts);
    return true;
  };
}

function partitionBy<T>(
  partitioner: PartitionerFunction<T>,
  row: T,
  { topic, key, value }: RowRecord,
  counts: PartitionCounts,
): number {
  const count = counts.get(topic);
  if (count === undefined)
    throw new RetryableError(
      `topic "${topic}" was not there when the sink was opened, so the partitioner cannot be asked for a partition of it: create the topic and start the job again.`,
      { topic },
    );
  const partitions = Array.from({ length: count }, (_, p) => p);
  const partition = partitioner(row, bytesOf(key), bytesOf(value), topic, partitions);
  if (!Number.isInteger(partition) || partition < 0 || partition >= count)
    throw new Error(
      `the partitioner answered ${String(partition)} for topic "${topic}", which has the partitions 0 to ${count - 1}.`,
    );
  return partition;
}

function serializeOf<T>(schema: RecordSerializer<T>['value']): (row: T) => Content | null {
  if (typeof schema === 'function') return schema;
  return 'encode' in schema ? (row) => schema.encode(row) : (row) => schema.serialize(row);
}

/** The brokers' rule: no topic of another name can be created, so that an epoch with such a record could never be published. */
const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

function topicOf(topic: unknown): string {
  if (typeof topic === 'string' && TOPIC_NAME.test(topic)) return topic;
  throw new Error(
    `the record serializer's topic must be a name of 1 to 249 of a-z A-Z 0-9 . _ -, got ${typeof topic === 'string' ? JSON.stringify(topic.slice(0, 300)) : typeof topic}.`,
  );
}

function partitionOf(partition: number): number {
  if (Number.isInteger(partition) && partition >= 0 && partition < 2 ** 31) return partition;
  throw new Error(
    `the record serializer's partition must be a number from 0 on, got ${String(partition)}; leave it out to go by the key.`,
  );
}

function contentOf(content: unknown, what: string): Content | null {
  if (content === null || typeof content === 'string' || content instanceof Uint8Array) return content;
  throw new Error(`the record serializer's ${what} must be a string, bytes or null, got ${typeof content}.`);
}

const bytesOf = (content: Content | null): Uint8Array | null =>
  typeof content === 'string' ? Buffer.from(content) : content;
