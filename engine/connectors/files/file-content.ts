/** What a file sink has for one bucket in an epoch: lines of one file, lines of several, or files made as a whole. */
import type { BulkEncoder, BulkFile } from '../../formats/bulk-format.ts';
import type { Encoder } from '../../formats/encoder.ts';
import { LineBuffer } from '../../formats/line-buffer.ts';
import { frameBucket, framePart } from './bucket-frames.ts';

export interface BucketContent<T> {
  /** Takes nothing of a row that it throws for. */
  add(row: T): void;
  readonly bytes: number;
  readonly records: number;
  /** All rows as frames of the bucket; the content is not used after that. */
  frames(bucket: string): Uint8Array[];
}

/** Lines of the bucket's one file. */
export class WholeLines<T> implements BucketContent<T> {
  readonly #encoder: Encoder<T>;
  readonly #lines = new LineBuffer();

  constructor(encoder: Encoder<T>) {
    this.#encoder = encoder;
  }
  get bytes(): number {
    return this.#lines.bytes;
  }
  get records(): number {
    return this.#lines.lines;
  }
  add(row: T): void {
    this.#lines.add(this.#encoder.encode(row));
  }
  frames(bucket: string): Uint8Array[] {
    return this.records === 0 ? [] : frameBucket(bucket, this.#lines.take());
  }
}

interface Part {
  readonly rows: number;
  readonly chunks: readonly Uint8Array[];
}

/** Lines of files of at most `limitBytes` each; a longer line has a file of its own. */
export class LineParts<T> implements BucketContent<T> {
  records = 0;
  readonly #encoder: Encoder<T>;
  readonly #limitBytes: number;
  readonly #lines = new LineBuffer();
  readonly #parts: Part[] = [];
  #partBytes = 0;

  constructor(encoder: Encoder<T>, limitBytes: number) {
    this.#encoder = encoder;
    this.#limitBytes = limitBytes;
  }
  get bytes(): number {
    return this.#partBytes + this.#lines.bytes;
  }
  add(row: T): void {
    const line = this.#encoder.encode(row);
    const lines = this.#lines;
    // Counting UTF-8 is left out while it cannot matter.
    if (
      lines.bytes + line.length * 3 + 1 > this.#limitBytes &&
      lines.bytes + Buffer.byteLength(line) + 1 > this.#limitBytes
    )
      this.#endPart();
    lines.add(line);
    this.records++;
  }
  frames(bucket: string): Uint8Array[] {
    this.#endPart();
    return framesOf(bucket, this.#parts);
  }
  #endPart(): void {
    const { lines: rows, bytes } = this.#lines;
    if (rows === 0) return;
    this.#parts.push({ rows, chunks: this.#lines.take() });
    this.#partBytes += bytes;
  }
}

/** Files made as a whole, of at most `limitBytes` each; a larger row has a file of its own. */
export class BulkParts<T> implements BucketContent<T> {
  records = 0;
  readonly #encoder: BulkEncoder<T>;
  readonly #limitBytes: number;
  readonly #parts: Part[] = [];
  #partBytes = 0;
  #file: BulkFile<T> | null = null;

  constructor(encoder: BulkEncoder<T>, limitBytes: number) {
    this.#encoder = encoder;
    this.#limitBytes = limitBytes;
  }
  get bytes(): number {
    return this.#partBytes + (this.#file?.bytes ?? 0);
  }
  add(row: T): void {
    this.#file ??= this.#encoder.file();
    if (!this.#file.add(row, this.#limitBytes)) {
      this.#endPart();
      this.#file = this.#encoder.file();
      this.#file.add(row, this.#limitBytes);
    }
    this.records++;
  }
  frames(bucket: string): Uint8Array[] {
    this.#endPart();
    return framesOf(bucket, this.#parts);
  }
  #endPart(): void {
    if (this.#file === null || this.#file.rows === 0) return;
    const { rows } = this.#file;
    const chunks = this.#file.finish();
    this.#parts.push({ rows, chunks });
    for (const chunk of chunks) this.#partBytes += chunk.length;
    this.#file = null;
  }
}

function framesOf(bucket: string, parts: readonly Part[]): Uint8Array[] {
  return parts.flatMap(({ rows, chunks }) => framePart(bucket, rows, chunks));
}
