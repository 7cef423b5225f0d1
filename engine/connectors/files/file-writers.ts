/** A file sink's writers: rows to staged bytes. */
import type { Encoder } from '../../formats/encoder.ts';
import { LineBuffer } from '../../formats/line-buffer.ts';
import type { SinkWriter, StagedOutput } from '../../ports/sink.ts';
import type { BucketContent } from './file-content.ts';

/** Lines of one file: the bytes as they will be. */
export class PlainWriter<T> implements SinkWriter<T> {
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

/** Rows by bucket, as frames. */
export class BucketWriter<T> implements SinkWriter<T> {
  failedRow = -1;
  readonly #bucketOf: ((value: T, timestamp: number) => string) | null;
  readonly #content: () => BucketContent<T>;
  readonly #buckets = new Map<string, BucketContent<T>>();

  /** `bucketOf` null: all rows go to the sink's own directory, the bucket ''. */
  constructor(bucketOf: ((value: T, timestamp: number) => string) | null, content: () => BucketContent<T>) {
    this.#bucketOf = bucketOf;
    this.#content = content;
  }
  get bytes(): number {
    let sum = 0;
    for (const content of this.#buckets.values()) sum += content.bytes;
    return sum;
  }
  write(values: readonly T[], timestamps: Float64Array, n: number): void {
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      const bucket = this.#bucketOf === null ? '' : this.#bucketOf(values[i]!, timestamps[i]!);
      let content = this.#buckets.get(bucket);
      if (content === undefined) {
        if (this.#bucketOf !== null) checkBucket(bucket);
        this.#buckets.set(bucket, (content = this.#content()));
      }
      content.add(values[i]!);
    }
    this.failedRow = -1;
  }
  take(): StagedOutput {
    const chunks: Uint8Array[] = [];
    let records = 0;
    for (const bucket of [...this.#buckets.keys()].sort()) {
      const content = this.#buckets.get(bucket)!;
      records += content.records;
      chunks.push(...content.frames(bucket));
    }
    this.#buckets.clear();
    return { chunks, records };
  }
  discard(): void {
    this.#buckets.clear();
  }
}

function checkBucket(bucket: string): void {
  const valid =
    typeof bucket === 'string' &&
    !/[\0\\]/.test(bucket) &&
    bucket.split('/').every((p) => p !== '' && !p.startsWith('.'));
  if (!valid) {
    throw new Error(
      `bucket ${JSON.stringify(bucket)}: expected a relative path such as "dt=2024-01-31", without "." at the start of a part.`,
    );
  }
}
