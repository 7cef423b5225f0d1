/**
 * Rows as lines of files, exactly once: an epoch's output of a slot is one file, whose name is the marker (ARCHITECTURE section 6).
 *
 *     FileSink.forRowFormat('out', jsonEncoder()).withFilePrefix('orders').withFileSuffix('.jsonl').build()
 *
 * writes `out/orders-<run>-e<epoch>-s<slot>.jsonl`; with a bucket assigner, `out/<bucket>/orders-…`. A slot that wrote nothing in an epoch makes no
 * file. Files are complete when they appear and never change. Two sinks need two directories or two prefixes.
 */
import { access, constants } from 'node:fs/promises';
import { resolve, join } from 'node:path';
import type { Encoder } from '../../formats/encoder.ts';
import { LineBuffer } from '../../formats/line-buffer.ts';
import { ConfigError, InvariantError, messageOf, MillraceError, RetryableError } from '../../model/errors.ts';
import type { Publication, Sink, SinkContext, SinkPublisher, SinkWriter, StagedOutput } from '../../ports/sink.ts';
import { frameBucket, readBuckets } from './bucket-frames.ts';
import { createImmutable, makeDirectory, removeTemporaries } from './immutable-file.ts';

/** The directory, relative to the sink's, that a row goes to, e.g. `dt=2024-01-31`. */
export type BucketAssigner<T> = (value: T, timestamp: number) => string;

interface FileSinkOptions<T> {
  readonly prefix: string;
  readonly suffix: string;
  readonly bucketOf: BucketAssigner<T> | null;
}

export class FileSink<T> implements Sink<T> {
  readonly description: string;
  readonly target: string;
  readonly guarantee = 'EXACTLY_ONCE';
  readonly #directory: string;
  readonly #encoder: Encoder<T>;
  readonly #options: FileSinkOptions<T>;

  static forRowFormat<T>(directory: string, encoder: Encoder<T>): FileSinkBuilder<T> {
    return new FileSinkBuilder(directory, encoder, { prefix: 'part', suffix: '', bucketOf: null });
  }

  /** Use `forRowFormat`. */
  constructor(directory: string, encoder: Encoder<T>, options: FileSinkOptions<T>) {
    this.#directory = directory;
    this.#encoder = encoder;
    this.#options = options;
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

  writer(): SinkWriter<T> {
    const { bucketOf } = this.#options;
    return bucketOf === null ? new PlainWriter(this.#encoder) : new BucketWriter(this.#encoder, bucketOf);
  }

  async publisher(): Promise<SinkPublisher> {
    return new FilePublisher(this.#directory, this.#options);
  }
}

/** Immutable: each method answers another builder. */
export class FileSinkBuilder<T> {
  readonly #directory: string;
  readonly #encoder: Encoder<T>;
  readonly #options: FileSinkOptions<T>;

  constructor(directory: string, encoder: Encoder<T>, options: FileSinkOptions<T>) {
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
  /** Rows go to sub-directories; one file per bucket, slot and epoch. */
  withBucketAssigner(bucketOf: BucketAssigner<T>): FileSinkBuilder<T> {
    return this.#with({ bucketOf });
  }
  build(): FileSink<T> {
    return new FileSink(this.#directory, this.#encoder, this.#options);
  }
  #with(change: Partial<FileSinkOptions<T>>): FileSinkBuilder<T> {
    return new FileSinkBuilder(this.#directory, this.#encoder, { ...this.#options, ...change });
  }
}

class PlainWriter<T> implements SinkWriter<T> {
  failedRow = -1;
  readonly #encoder: Encoder<T>;
  readonly #lines = new LineBuffer();

  constructor(encoder: Encoder<T>) {
    this.#encoder = encoder;
  }
  get bytes(): number {
    return this.#lines.bytes;
  }
  write(values: readonly T[], _timestamps: Float64Array, n: number): void {
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      this.#lines.add(this.#encoder.encode(values[i]!));
    }
    this.failedRow = -1;
  }
  take(): StagedOutput {
    const records = this.#lines.lines;
    return { records, chunks: this.#lines.take() };
  }
  discard(): void {
    this.#lines.clear();
  }
}

class BucketWriter<T> implements SinkWriter<T> {
  failedRow = -1;
  readonly #encoder: Encoder<T>;
  readonly #bucketOf: BucketAssigner<T>;
  readonly #buckets = new Map<string, LineBuffer>();

  constructor(encoder: Encoder<T>, bucketOf: BucketAssigner<T>) {
    this.#encoder = encoder;
    this.#bucketOf = bucketOf;
  }
  get bytes(): number {
    let sum = 0;
    for (const lines of this.#buckets.values()) sum += lines.bytes;
    return sum;
  }
  write(values: readonly T[], timestamps: Float64Array, n: number): void {
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      const bucket = this.#bucketOf(values[i]!, timestamps[i]!);
      const line = this.#encoder.encode(values[i]!);
      let lines = this.#buckets.get(bucket);
      if (lines === undefined) this.#buckets.set(checkBucket(bucket), (lines = new LineBuffer()));
      lines.add(line);
    }
    this.failedRow = -1;
  }
  take(): StagedOutput {
    const chunks: Uint8Array[] = [];
    let records = 0;
    for (const bucket of [...this.#buckets.keys()].sort()) {
      const lines = this.#buckets.get(bucket)!;
      records += lines.lines;
      chunks.push(...frameBucket(bucket, lines.take()));
    }
    this.#buckets.clear();
    return { chunks, records };
  }
  discard(): void {
    this.#buckets.clear();
  }
}

class FilePublisher implements SinkPublisher {
  readonly #directory: string;
  readonly #options: Pick<FileSinkOptions<never>, 'prefix' | 'suffix' | 'bucketOf'>;
  /** Directories and slots whose left-over temporary files were removed. */
  readonly #cleaned = new Set<string>();

  constructor(directory: string, options: Pick<FileSinkOptions<never>, 'prefix' | 'suffix' | 'bucketOf'>) {
    this.#directory = directory;
    this.#options = options;
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { prefix, suffix, bucketOf } = this.#options;
    const { run, epoch, slot, chunks } = publication;
    const name = `${prefix}-${run}-e${String(epoch).padStart(10, '0')}-s${slot}${suffix}`;
    const contents = bucketOf === null ? new Map([['', chunks]]) : readBuckets(chunks);
    let already = contents.size > 0;
    for (const [bucket, content] of contents) {
      if (content.every((c) => c.length === 0)) {
        already = false;
        continue;
      }
      const directory = join(this.#directory, bucket);
      const outcome = await this.#create(directory, name, slot, content);
      if (outcome === 'created') already = false;
    }
    return already ? 'already' : 'published';
  }

  /** The name of a file holds its run: nothing of another run can be in the way, and nothing needs a stamp. */
  async stamp(): Promise<void> {}

  async close(): Promise<void> {}

  async #create(
    directory: string,
    name: string,
    slot: number,
    content: readonly Uint8Array[],
  ): Promise<'created' | 'same'> {
    const { prefix, suffix } = this.#options;
    const path = join(directory, name);
    let outcome;
    try {
      const place = `${slot} ${directory}`;
      if (!this.#cleaned.has(place)) {
        await removeTemporaries(directory, (n) => n.startsWith(`${prefix}-`) && n.endsWith(`-s${slot}${suffix}`));
        this.#cleaned.add(place);
      }
      outcome = await createImmutable(path, content);
    } catch (e) {
      if (e instanceof MillraceError) throw e;
      throw new RetryableError(
        `Cannot publish ${path}: ${messageOf(e)}. Publishing is repeated until it succeeds; check space and permissions.`,
        { path },
        e,
      );
    }
    if (outcome === 'different') {
      throw new InvariantError(
        `${path} exists with other content than this epoch's. Does another sink write to the directory with the same prefix? Otherwise this is a bug in Millrace.`,
        { path },
      );
    }
    return outcome;
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

function checkBucket(bucket: string): string {
  const valid =
    typeof bucket === 'string' &&
    !/[\0\\]/.test(bucket) &&
    bucket.split('/').every((p) => p !== '' && !p.startsWith('.'));
  if (!valid) {
    throw new Error(
      `bucket ${JSON.stringify(bucket)}: expected a relative path such as "dt=2024-01-31", without "." at the start of a part.`,
    );
  }
  return bucket;
}
