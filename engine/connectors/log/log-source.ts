/**
 * Records of log topics:
 *
 *     LogSource.builder().setTopics('orders').setValueOnlyDeserializer(jsonLines(orders)).build()
 *
 * One split per partition, `topic-partition`; partitions that appear later are read from their beginning. Position = offset; row timestamps are the records'.
 * A value-only deserializer passes over records without a value (tombstones); `setDeserializer` sees them.
 * `setBounded` fixes the end of each partition when a process first looks at it.
 */
import type { LineFormat } from '../../formats/decoder.ts';
import { ConfigError } from '../../model/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Source, SourceContext, SplitReader, SplitSpec } from '../../ports/source.ts';
import { LogSplitReader, type RecordDeserializer, type SourceRecord } from './log-split-reader.ts';
import { OffsetsInitializer } from './offsets-initializer.ts';

interface LogSourceOptions<T> {
  readonly topics: readonly string[];
  readonly starting: OffsetsInitializer;
  readonly bounded: OffsetsInitializer | null;
  readonly deserializer: RecordDeserializer<T> | null;
}

export class LogSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly bounded: boolean;
  readonly #options: LogSourceOptions<T>;
  readonly #deserializer: RecordDeserializer<T>;
  /** By split id; a start offset is asked for once. */
  readonly #starts = new Map<string, number>();
  readonly #ends = new Map<string, number>();
  #discovered = false;

  static builder<T = never>(): LogSourceBuilder<T> {
    return new LogSourceBuilder<T>({
      topics: [],
      starting: OffsetsInitializer.earliest(),
      bounded: null,
      deserializer: null,
    });
  }

  /** Use `builder()`. */
  constructor(options: LogSourceOptions<T>, deserializer: RecordDeserializer<T>) {
    this.#options = options;
    this.#deserializer = deserializer;
    this.bounded = options.bounded !== null;
    this.description = `log ${options.topics.join(', ')} from ${options.starting.description}`;
  }

  async validate(ctx: SourceContext): Promise<void> {
    const topics = await logOf(ctx).topics();
    for (const name of this.#options.topics) {
      if (!topics.some((t) => t.name === name)) {
        const known = topics.map((t) => t.name).join(', ');
        throw new ConfigError(
          `Source ${ctx.operator}: there is no topic "${name}". Create it, or correct setTopics(); topics are: ${known || 'none'}.`,
          {
            operator: ctx.operator,
            topic: name,
          },
        );
      }
    }
  }

  async discover(ctx: SourceContext): Promise<readonly SplitSpec[]> {
    const log = logOf(ctx);
    const splits: SplitSpec[] = [];
    for (const { name, partitions } of await log.topics()) {
      if (!this.#options.topics.includes(name)) continue;
      for (let partition = 0; partition < partitions; partition++) {
        const id = `${name}-${partition}`;
        let startPosition = this.#starts.get(id);
        if (startPosition === undefined) {
          // A partition that appeared while the job runs: all of it is new.
          const starting = this.#discovered ? OffsetsInitializer.earliest() : this.#options.starting;
          startPosition = await starting.offsetOf(log, name, partition);
          this.#starts.set(id, startPosition);
        }
        await this.#endOf(log, id, name, partition);
        splits.push({ id, startPosition });
      }
    }
    this.#discovered = true;
    return splits.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async open(split: SplitSpec, position: number, ctx: SourceContext): Promise<SplitReader> {
    const log = logOf(ctx);
    const match = /^(.+)-(\d+)$/.exec(split.id);
    if (match === null)
      throw new ConfigError(
        `the job's state knows a split "${split.id}", which is none of a log source: it was begun with another source under this uid. Take another --state folder, or give the new source a uid of its own.`,
      );
    const topic = match[1]!;
    const partition = Number(match[2]);
    const end = await this.#endOf(log, split.id, topic, partition);
    return new LogSplitReader(log, topic, partition, position, end, this.#deserializer);
  }

  async #endOf(log: Log, id: string, topic: string, partition: number): Promise<number | null> {
    if (this.#options.bounded === null) return null;
    let end = this.#ends.get(id);
    if (end === undefined) this.#ends.set(id, (end = await this.#options.bounded.offsetOf(log, topic, partition)));
    return end;
  }
}

/** Immutable: each method answers another builder. */
export class LogSourceBuilder<T> {
  readonly #options: LogSourceOptions<T>;
  constructor(options: LogSourceOptions<T>) {
    this.#options = options;
  }
  setTopics(...topics: readonly string[]): LogSourceBuilder<T> {
    return new LogSourceBuilder({ ...this.#options, topics });
  }
  /** Where a fresh job begins. Default: earliest. A job that has state goes on where it was. */
  setStartingOffsets(starting: OffsetsInitializer): LogSourceBuilder<T> {
    return new LogSourceBuilder({ ...this.#options, starting });
  }
  /** Ends each partition at this offset. */
  setBounded(bounded: OffsetsInitializer): LogSourceBuilder<T> {
    return new LogSourceBuilder({ ...this.#options, bounded });
  }
  /** Rows are the records' values, in this format. */
  setValueOnlyDeserializer<U>(format: LineFormat<U>): LogSourceBuilder<U> {
    const deserializer: RecordDeserializer<U> = { skipsNull: true, deserialize: (r) => format.decodeRecord(r.value!) };
    return new LogSourceBuilder<U>({ ...this.#options, deserializer });
  }
  /** Rows are made of whole records. What it throws makes the record a bad record. */
  setDeserializer<U>(deserialize: (record: SourceRecord) => U): LogSourceBuilder<U> {
    return new LogSourceBuilder<U>({ ...this.#options, deserializer: { skipsNull: false, deserialize } });
  }
  build(): LogSource<T> {
    const { topics, deserializer } = this.#options;
    if (topics.length === 0) throw new ConfigError('LogSource has no topics: call setTopics("orders").');
    if (deserializer === null)
      throw new ConfigError(
        'LogSource has no deserializer: call setValueOnlyDeserializer(jsonLines()) or setDeserializer(fn).',
      );
    return new LogSource(this.#options, deserializer);
  }
}

function logOf(ctx: SourceContext): Log {
  if (ctx.log !== null) return ctx.log;
  throw new ConfigError(
    `Source ${ctx.operator} reads a log, but the job has none: configure one in the job's environment.`,
    { operator: ctx.operator },
  );
}
