/** A SourceBatch whose rows are lines of one buffer. Decoders fill it and keep a pool of released ones. */
import type { BadRecord } from '../model/bad-record.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import type { ColumnSet, RowCursor, SourceBatch } from '../model/source-batch.ts';

const RAW_BYTES = 8192;
const EMPTY = Buffer.alloc(0);

export class LineBatch implements SourceBatch {
  n = 0;
  values: unknown[] | null = null;
  row: RowCursor | null = null;
  cols: ColumnSet | null = null;
  readonly timestamps = null;
  endPosition = 0;
  readonly bad: BadRecord[] = [];
  /** The buffer, and the position of its byte 0. */
  bytes: Buffer = EMPTY;
  base = 0;
  /** Offset in `bytes` after the last line this batch took. */
  end = 0;
  /** Offset in `bytes` of the line of each row. */
  readonly starts = new Int32Array(BATCH_ROWS);

  positionOf(i: number): number {
    return this.base + this.starts[i]!;
  }

  rawOf(i: number): string {
    const from = this.starts[i]!;
    return rawText(this.bytes, from, this.bytes.indexOf(10, from));
  }

  begin(bytes: Buffer, base: number): this {
    this.n = 0;
    this.bytes = bytes;
    this.base = base;
    this.bad.length = 0;
    return this;
  }

  finish(end: number): this {
    this.end = end;
    this.endPosition = this.base + end;
    return this;
  }

  /** Adds the line `bytes[from, to)` as a bad record. */
  reject(from: number, to: number, error: string): void {
    this.bad.push({ position: this.base + from, raw: rawText(this.bytes, from, to), error });
  }

  /** Drops references, so that a pooled batch keeps nothing alive. */
  clear(): void {
    this.bytes = EMPTY;
    this.n = 0;
    this.bad.length = 0;
    if (this.values !== null) this.values = null;
  }
}

/** Released batches of one decoder, at most a few: more than that are alive at once only by mistake. */
export class LineBatchPool {
  readonly #free: LineBatch[] = [];
  take(): LineBatch {
    return this.#free.pop() ?? new LineBatch();
  }
  give(batch: LineBatch): void {
    batch.clear();
    if (this.#free.length < 16) this.#free.push(batch);
  }
}

/** A record as text for people, cut at 8 KB. */
export function rawText(bytes: Buffer, from: number, to: number): string {
  let end = Math.min(to, from + RAW_BYTES);
  if (end === to && end > from && bytes[end - 1] === 13) end--;
  return bytes.utf8Slice(from, end);
}

/** True when the line `bytes[from, to)` holds nothing but blanks, tabs and carriage returns. */
export function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let p = from; p < to; p++) {
    const c = bytes[p];
    if (c !== 32 && c !== 13 && c !== 9) return false;
  }
  return true;
}
