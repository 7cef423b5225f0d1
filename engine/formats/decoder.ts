/**
 * Bytes with newline-separated records → SourceBatch. A reader finds whole lines and hands them to a LineDecoder; positions are
 * byte offsets of line starts, so a reader may resume at any of them.
 *
 * For every decoder: what it answers for a line depends on that line (and the file's header) only, never on the other lines
 * or on how the input was cut; a line that does not decode is a bad record, at its place, and the next line is read as ever.
 */
import type { LineBatch } from './line-batch.ts';

/** Readable bytes a buffer must have after the last line: generated scanners compare several bytes at once. */
export const DECODE_SLACK_BYTES = 64;

/** @internal */
export interface LineDecoder {
  /**
   * Decodes lines of `bytes[from, to)`: at most `maxRows` records, at least one line. `bytes[to - 1]` is a newline, and
   * DECODE_SLACK_BYTES follow it. `base` is the position of byte 0. The batch may point into `bytes` until it is released;
   * `batch.end` says how far it came.
   */
  decode(bytes: Buffer, from: number, to: number, base: number, maxRows: number): LineBatch;
  /** Gives the batch back for reuse. */
  release(batch: LineBatch): void;
}

/** How records look: a value that sources take. `T` is the record's type. */
export interface LineFormat<T> {
  /** For messages: 'json', 'csv' … */
  readonly name: string;
  /** True: the first line of a file names its columns, and is given to `lineDecoder`. */
  readonly hasHeader: boolean;
  /**
   * A decoder for one split. `header`: the file's first line without its line break, null unless `hasHeader`.
   * @internal
   */
  lineDecoder(header: Buffer | null): LineDecoder;
  /**
   * True: a record's line breaks are white space; with blanks in their place it decodes as a line to what `decodeRecord` says of it, unless it
   * is all white space.
   * @internal
   */
  readonly breaksAreBlank?: boolean;
  /** One record that is not part of a file (a log's value). Throws an Error that says why it does not decode. */
  decodeRecord(bytes: Uint8Array): T;
  /** Type only. */
  readonly __type?: T;
}
