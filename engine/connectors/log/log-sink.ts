/**
 * Rows as log records, exactly once: an epoch's records of a slot are appended in one step with the marker (run, epoch), and a marker at or beyond it means
 * that they are there (ARCHITECTURE section 6).
 *
 *     LogSink.builder<Total>().setTopic('totals')
 *       .setRecordSerializer({ key: (t) => t.customer, value: (t) => JSON.stringify(t) }).build()
 *
 * Partition = murmur3(key) mod partitions; without a key, slot mod partitions.
 */
import { ConfigError, FencedError } from '../../model/errors.ts';
import { murmur3 } from '../../model/murmur3.ts';
import { NO_TIMESTAMP } from '../../model/watermark.ts';
import type { Log, NewLogRecord } from '../../ports/log.ts';
import type { Publication, Sink, SinkContext, SinkPublisher, SinkWriter, StagedOutput } from '../../ports/sink.ts';
import { readRecords, RecordFrames } from './record-frames.ts';

/** Text is written as UTF-8. */
export type Content = string | Uint8Array;

export interface RecordSerializer<T> {
  readonly value: (row: T) => Content | null;
  readonly key?: (row: T) => Content | null;
  readonly headers?: (row: T) => Readonly<Record<string, Content>>;
  /** Epoch milliseconds. Default: the row's event time; the wall clock where it has none. */
  readonly timestamp?: (row: T, eventTime: number) => number;
  /** Default: the sink's topic. */
  readonly topic?: (row: T) => string;
}

interface LogSinkOptions<T> {
  readonly topic: string | null;
  readonly serializer: RecordSerializer<T> | null;
}

export class LogSink<T> implements Sink<T> {
  readonly description: string;
  readonly guarantee = 'EXACTLY_ONCE';
  readonly stagedForm = 'records of the log';
  readonly #topic: string | null;
  readonly #serializer: RecordSerializer<T>;

  static builder<T = unknown>(): LogSinkBuilder<T> {
    return new LogSinkBuilder<T>({ topic: null, serializer: null });
  }

  /** Use `builder()`. */
  constructor(topic: string | null, serializer: RecordSerializer<T>) {
    this.#topic = topic;
    this.#serializer = serializer;
    this.description = `log ${topic ?? '(topic by row)'}`;
  }

  async validate(ctx: SinkContext): Promise<void> {
    const topics = await logOf(ctx).topics();
    if (this.#topic === null || topics.some((t) => t.name === this.#topic)) return;
    throw new ConfigError(
      `Sink ${ctx.sink}: there is no topic "${this.#topic}". Create it, or correct setTopic(); topics are: ${topics.map((t) => t.name).join(', ') || 'none'}.`,
      { sink: ctx.sink, topic: this.#topic },
    );
  }

  writer(ctx: SinkContext): SinkWriter<T> {
    return new LogWriter(this.#topic, this.#serializer, ctx);
  }

  async publisher(ctx: SinkContext): Promise<SinkPublisher> {
    return new LogPublisher(logOf(ctx), ctx);
  }
}

/** Immutable: each method answers another builder. */
export class LogSinkBuilder<T> {
  readonly #options: LogSinkOptions<T>;
  constructor(options: LogSinkOptions<T>) {
    this.#options = options;
  }
  setTopic(topic: string): LogSinkBuilder<T> {
    return new LogSinkBuilder({ ...this.#options, topic });
  }
  setRecordSerializer<U = T>(serializer: RecordSerializer<U>): LogSinkBuilder<U> {
    return new LogSinkBuilder<U>({ ...this.#options, serializer });
  }
  build(): LogSink<T> {
    const { topic, serializer } = this.#options;
    if (serializer === null)
      throw new ConfigError(
        'LogSink has no serializer: call setRecordSerializer({ value: (row) => JSON.stringify(row) }).',
      );
    if (topic === null && serializer.topic === undefined)
      throw new ConfigError('LogSink has no topic: call setTopic("name"), or give the serializer a topic function.');
    return new LogSink(topic, serializer);
  }
}

class LogWriter<T> implements SinkWriter<T> {
  failedRow = -1;
  readonly #topic: string | null;
  readonly #serializer: RecordSerializer<T>;
  readonly #ctx: SinkContext;
  readonly #frames = new RecordFrames();

  constructor(topic: string | null, serializer: RecordSerializer<T>, ctx: SinkContext) {
    this.#topic = topic;
    this.#serializer = serializer;
    this.#ctx = ctx;
  }
  get bytes(): number {
    return this.#frames.bytes;
  }
  write(values: readonly T[], timestamps: Float64Array, n: number): void {
    const s = this.#serializer;
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      const row = values[i]!;
      const eventTime = timestamps[i]!;
      this.#frames.add({
        topic: s.topic?.(row) ?? this.#topic!,
        key: contentOf(s.key?.(row) ?? null, 'key'),
        value: contentOf(s.value(row), 'value'),
        headers:
          s.headers === undefined
            ? []
            : Object.entries(s.headers(row)).map(
                ([name, v]) => [name, contentOf(v, 'header') ?? new Uint8Array()] as const,
              ),
        timestamp: s.timestamp?.(row, eventTime) ?? (eventTime === NO_TIMESTAMP ? this.#ctx.clock.nowMs() : eventTime),
      });
    }
    this.failedRow = -1;
  }
  take(): StagedOutput {
    const { records } = this.#frames;
    return { records, chunks: this.#frames.take() };
  }
  discard(): void {
    this.#frames.clear();
  }
}

class LogPublisher implements SinkPublisher {
  readonly #log: Log;
  readonly #ctx: SinkContext;
  constructor(log: Log, ctx: SinkContext) {
    this.#log = log;
    this.#ctx = ctx;
  }

  async publish({ run, epoch, slot, chunks }: Publication): Promise<'published' | 'already'> {
    const producer = this.#producer(slot);
    const marker = await this.#log.lastMarker(producer);
    if (marker === null || marker.run < run) {
      throw new ConfigError(
        `the log's marker of ${producer} ${marker === null ? 'is gone' : `belongs to the older run ${marker.run}`}, but run ${run} stamped it before its first epoch: whether epoch ${epoch} is in the log cannot be told, and publishing it might double it. Look into the topic whether the epoch's records are there. There is no command yet that takes the answer: add what is missing by hand, then start the job in a new state folder at the positions that \`millrace state\` shows.`,
        { producer, run, epoch, marker },
      );
    }
    if (marker.run > run) throw newerRun(producer, marker.run, run);
    if (marker.epoch >= epoch) return 'already';
    const records = readRecords(chunks);
    if (records.length === 0) return 'published';
    await this.#log.append(await this.#batchesOf(records, slot), { producer, run, epoch });
    return 'published';
  }

  async stamp(run: string, epoch: number, slot: number): Promise<void> {
    const producer = this.#producer(slot);
    const marker = await this.#log.lastMarker(producer);
    if (marker !== null && marker.run > run) throw newerRun(producer, marker.run, run);
    await this.#log.stamp({ producer, run, epoch });
  }

  async close(): Promise<void> {}

  #producer(slot: number): string {
    return `${this.#ctx.job}/${this.#ctx.sink}/${slot}`;
  }

  /** Records by topic and partition, each in order. */
  async #batchesOf(
    records: ReturnType<typeof readRecords>,
    slot: number,
  ): Promise<{ topic: string; partition: number; records: NewLogRecord[] }[]> {
    const partitionsOf = new Map((await this.#log.topics()).map((t) => [t.name, t.partitions]));
    const batches = new Map<string, { topic: string; partition: number; records: NewLogRecord[] }>();
    for (const { topic, ...record } of records) {
      const partitions = partitionsOf.get(topic);
      if (partitions === undefined)
        throw new ConfigError(
          `Sink ${this.#ctx.sink}: there is no topic "${topic}". Create it; publishing goes on then.`,
          { topic },
        );
      const partition = (record.key === null ? slot : murmur3(record.key)) % partitions;
      const id = `${topic}-${partition}`;
      let batch = batches.get(id);
      if (batch === undefined) batches.set(id, (batch = { topic, partition, records: [] }));
      batch.records.push(record);
    }
    return [...batches.values()];
  }
}

/** Run ids compare as strings in the order in which the runs began. */
function newerRun(producer: string, newer: string, run: string): FencedError {
  return new FencedError(
    `the log's marker of ${producer} belongs to the newer run ${newer}; run ${run} has been replaced and stops. If the job's state folder was reset while the clock went back, use another job name or topic.`,
    { producer, run, newer },
  );
}

function contentOf(content: Content | null, what: string): Uint8Array | null {
  if (content === null) return null;
  if (typeof content === 'string') return Buffer.from(content);
  if (content instanceof Uint8Array) return content;
  throw new Error(`the record serializer's ${what} must be a string, bytes or null, got ${typeof content}`);
}

function logOf(ctx: SinkContext): Log {
  if (ctx.log !== null) return ctx.log;
  throw new ConfigError(
    `Sink ${ctx.sink} writes to a log, but the job has none: configure one in the job's environment.`,
    { sink: ctx.sink },
  );
}
