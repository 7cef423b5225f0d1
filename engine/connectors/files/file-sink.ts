/**
 * Rows as files, exactly once: an epoch's output of a slot is one file (of a bucket, or several of at most n bytes), whose name is the marker
 * (ARCHITECTURE section 6).
 *
 *     FileSink.forRowFormat('out', jsonEncoder()).withFilePrefix('orders').withFileSuffix('.jsonl').build()
 *     FileSink.forBulkFormat('out', parquetEncoder(orders)).withBucketAssigner(EventTimeBuckets.hourly()).withPartitionCommit().build()
 *
 * The first writes `out/orders-<run>-e<epoch>-s<slot>.jsonl`; the second `out/dt=…/hour=…/part-<run>-e<epoch>-s<slot>-p<part>`. A slot that wrote
 * nothing in an epoch makes no file. Files are complete when they appear and never change. Two sinks need two directories or two prefixes.
 */
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BulkEncoder } from '../../formats/bulk-format.ts';
import type { Encoder } from '../../formats/encoder.ts';
import { ConfigError, messageOf } from '../../model/errors.ts';
import type { Sink, SinkContext, SinkPublisher, SinkWriter } from '../../ports/sink.ts';
import { BulkParts, LineParts, WholeLines, type BucketContent } from './file-content.ts';
import { FilePublisher } from './file-publisher.ts';
import { BucketWriter, PlainWriter } from './file-writers.ts';
import { makeDirectory } from './immutable-file.ts';
import { checkedPartitionCommit, type PartitionCommitOptions } from './partition-commit.ts';

/** The directory, relative to the sink's, that a row goes to, e.g. `dt=2024-01-31`. */
export type BucketAssigner<T> = (value: T, timestamp: number) => string;

/** Buckets that say when they end: `EventTimeBuckets`. */
export interface TimedBucketAssigner<T> {
  bucketOf(value: T, timestamp: number): string;
  /** Exclusive, in epoch milliseconds; null: with the input. Must tell it from the name alone. */
  endOf(bucket: string): number | null;
}

interface FileSinkOptions<T> {
  readonly prefix: string;
  readonly suffix: string;
  readonly buckets: BucketAssigner<T> | TimedBucketAssigner<T> | null;
  /** Infinity: no limit. */
  readonly maxPartBytes: number;
  readonly commit: Required<PartitionCommitOptions> | null;
}

function defaults<T>(): FileSinkOptions<T> {
  return { prefix: 'part', suffix: '', buckets: null, maxPartBytes: Infinity, commit: null };
}

export class FileSink<T> implements Sink<T> {
  readonly description: string;
  readonly target: string;
  readonly guarantee = 'EXACTLY_ONCE';
  readonly followsWatermark: boolean;
  readonly #directory: string;
  readonly #encoder: Encoder<T> | BulkEncoder<T>;
  readonly #options: FileSinkOptions<T>;

  /** Rows as lines: JSON, CSV, text. */
  static forRowFormat<T>(directory: string, encoder: Encoder<T>): FileSinkBuilder<T> {
    return new FileSinkBuilder<T>(directory, encoder, defaults());
  }

  /** Files made as a whole: Parquet. */
  static forBulkFormat<T>(directory: string, encoder: BulkEncoder<T>): FileSinkBuilder<T> {
    return new FileSinkBuilder<T>(directory, encoder, defaults());
  }

  /** Use `forRowFormat` or `forBulkFormat`. */
  constructor(directory: string, encoder: Encoder<T> | BulkEncoder<T>, options: FileSinkOptions<T>) {
    this.#directory = directory;
    this.#encoder = encoder;
    this.#options = options;
    this.followsWatermark = options.commit !== null;
    this.target = `${resolve(directory)}/${options.prefix}-*${options.suffix}`;
    this.description = `files ${directory}/${options.prefix}-*${options.suffix} (${encoder.name})`;
  }

  async validate(ctx: SinkContext): Promise<void> {
    try {
      await makeDirectory(this.#directory);
      await access(this.#directory, constants.W_OK | constants.X_OK);
    } catch (e) {
      throw new ConfigError(
        `Sink ${ctx.sink} cannot write to the directory "${this.#directory}": ${messageOf(e)}. Correct the path or its permissions.`,
        { sink: ctx.sink },
        e,
      );
    }
  }

  async open(): Promise<void> {
    if ('load' in this.#encoder) await this.#encoder.load();
  }

  writer(): SinkWriter<T> {
    const encoder = this.#encoder;
    if (!this.#framed && 'encode' in encoder) return new PlainWriter(encoder);
    const { buckets } = this.#options;
    const bucketOf =
      buckets === null || typeof buckets === 'function'
        ? buckets
        : (value: T, timestamp: number): string => buckets.bucketOf(value, timestamp);
    return new BucketWriter(bucketOf, () => this.#content());
  }

  async publisher(): Promise<SinkPublisher> {
    const { prefix, suffix, buckets, commit } = this.#options;
    const endOf = (bucket: string): number | null =>
      buckets === null || typeof buckets === 'function' ? null : buckets.endOf(bucket);
    return new FilePublisher({
      directory: this.#directory,
      prefix,
      suffix,
      framed: this.#framed,
      commit: commit === null ? null : { ...commit, endOf },
    });
  }

  get stagedForm(): string {
    return this.#framed ? 'parts of files' : 'the lines of a file';
  }

  get #framed(): boolean {
    return 'load' in this.#encoder || this.#options.buckets !== null || this.#inParts;
  }

  get #inParts(): boolean {
    return this.#options.maxPartBytes !== Infinity || this.#options.commit !== null;
  }

  #content(): BucketContent<T> {
    const { maxPartBytes } = this.#options;
    if ('load' in this.#encoder) return new BulkParts(this.#encoder, maxPartBytes);
    return this.#inParts ? new LineParts(this.#encoder, maxPartBytes) : new WholeLines(this.#encoder);
  }
}

/** Immutable: each method answers another builder. */
export class FileSinkBuilder<T> {
  readonly #directory: string;
  readonly #encoder: Encoder<T> | BulkEncoder<T>;
  readonly #options: FileSinkOptions<T>;

  constructor(directory: string, encoder: Encoder<T> | BulkEncoder<T>, options: FileSinkOptions<T>) {
    this.#directory = directory;
    this.#encoder = encoder;
    this.#options = options;
  }

  /** Default `part`. */
  withFilePrefix(prefix: string): FileSinkBuilder<T> {
    return this.#with({ prefix: fileNamePart('withFilePrefix', prefix) });
  }
  /** E.g. `.jsonl`. Default: none. */
  withFileSuffix(suffix: string): FileSinkBuilder<T> {
    return this.#with({ suffix: fileNamePart('withFileSuffix', suffix) });
  }
  /** Rows go to sub-directories, by a function or by time: `EventTimeBuckets.hourly()`. */
  withBucketAssigner(buckets: BucketAssigner<T> | TimedBucketAssigner<T>): FileSinkBuilder<T> {
    return this.#with({ buckets });
  }
  /** Several files a bucket, slot and epoch, none larger than this, unless a single row is. */
  withMaxPartBytes(bytes: number): FileSinkBuilder<T> {
    if (!Number.isSafeInteger(bytes) || bytes < 1)
      throw new ConfigError(`withMaxPartBytes(${bytes}): bytes must be a whole number, at least 1.`);
    return this.#with({ maxPartBytes: bytes });
  }
  /** A success marker in each bucket that is complete. */
  withPartitionCommit(options: PartitionCommitOptions = {}): FileSinkBuilder<T> {
    return this.#with({ commit: checkedPartitionCommit(options) });
  }
  build(): FileSink<T> {
    const { commit, buckets } = this.#options;
    if (commit !== null && buckets === null)
      throw new ConfigError(
        'withPartitionCommit() marks buckets: call withBucketAssigner(EventTimeBuckets.daily()) too.',
      );
    if (commit?.trigger === 'partition-time' && typeof buckets === 'function') {
      throw new ConfigError(
        'withPartitionCommit() by partition-time needs buckets that say when they end: use EventTimeBuckets, or { trigger: "process-time" }.',
      );
    }
    return new FileSink(this.#directory, this.#encoder, this.#options);
  }
  #with(change: Partial<FileSinkOptions<T>>): FileSinkBuilder<T> {
    return new FileSinkBuilder(this.#directory, this.#encoder, { ...this.#options, ...change });
  }
}

function fileNamePart(method: string, part: string): string {
  if (
    /[/\\\0\n]/.test(part) ||
    part.startsWith('_') ||
    (method === 'withFilePrefix' && (part === '' || part.startsWith('.')))
  ) {
    throw new ConfigError(
      `${method}(${JSON.stringify(part)}): use part of a file name: no slash, and no "." or "_" in front (such files count as hidden).`,
    );
  }
  return part;
}
