/** Rows as staged frames: serialized once, so that publishing only puts records into batches. */
import { RetryableError } from '../../../model/errors.ts';
import { NO_TIMESTAMP } from '../../../model/watermark.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { SinkWriter, StagedOutput } from '../../../ports/sink.ts';
import { RecordFrames } from './record-frames.ts';
import type {
  Content,
  Headers,
  KafkaRecordSerializationSchema,
  PartitionerFunction,
  RecordSerializer,
} from './serialization.ts';

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
      const timestamp = record.timestamp ?? (eventTime === NO_TIMESTAMP ? this.clock.nowMs() : eventTime);
      // A time before 1970 cannot be written: −1 is Kafka's "none", the rest is refused by the brokers.
      if (!(timestamp >= 0)) throw new Error(`the record's timestamp is ${timestamp}; Kafka takes 0 or more.`);
      const size = frames.add(topic, partition, Math.floor(timestamp), key, value, headers, maxRecordBytes);
      if (size > maxRecordBytes)
        throw new Error(
          `the record has ${size} bytes, and max.request.size is ${maxRecordBytes}: raise it with setProperty("max.request.size", …), and the topic's max.message.bytes with it, or write less.`,
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

/** A schema of the user's own. */
export function recordOfSchema<T>(schema: KafkaRecordSerializationSchema<T>): ToRecord<T> {
  return (row, eventTime, into) => {
    const record = schema.serialize(row, eventTime === NO_TIMESTAMP ? null : eventTime);
    if (record === null) return false;
    into.topic = topicOf(record.topic);
    into.partition = record.partition ?? -1;
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

function topicOf(topic: unknown): string {
  if (typeof topic === 'string' && topic !== '') return topic;
  throw new Error(
    `the record serializer's topic must be a name, got ${topic === '' ? 'an empty text' : typeof topic}.`,
  );
}

function contentOf(content: unknown, what: string): Content | null {
  if (content === null || typeof content === 'string' || content instanceof Uint8Array) return content;
  throw new Error(`the record serializer's ${what} must be a string, bytes or null, got ${typeof content}.`);
}

const bytesOf = (content: Content | null): Uint8Array | null =>
  typeof content === 'string' ? Buffer.from(content) : content;
