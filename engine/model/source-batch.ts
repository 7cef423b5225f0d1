/**
 * Rows of one split, as a source hands them to a chain (HOTPATH section 7). Owned by the reader until `release`; a row
 * cursor and the columns behind it are overwritten after that, so nothing may keep a reference to them.
 */
import type { BadRecord } from './bad-record.ts';

/** Columns of a declared record schema: one entry per field, in schema order. */
export interface ColumnSet {
  /** Index of each field by name. */
  readonly fields: ReadonlyMap<string, number>;
  /** The chunk that string columns point into. */
  bytes: Uint8Array;
  /** String fields: byte range [start, end) of row i in `bytes`, and a 32-bit hash of those bytes (31·h + byte). Null elsewhere. */
  readonly start: readonly (Int32Array | null)[];
  readonly end: readonly (Int32Array | null)[];
  readonly hash: readonly (Int32Array | null)[];
  /** Numeric fields (numbers, timestamps; booleans as 0/1). Null elsewhere. */
  readonly numbers: readonly (Float64Array | null)[];
  /** 0 = in the column, 1 = null, 2 = text in `side[start[i]]` (escapes, non-ASCII: whatever the scanner left to JSON.parse). */
  readonly nulls: readonly Uint8Array[];
  readonly side: string[];
}

/** A flyweight view of row `i`: getters decode on use. Generated per schema. Valid only until the callback returns. */
export interface RowCursor {
  /** Index of the row it shows. */
  __i: number;
  /** A plain object with the row's fields, to keep. */
  __copy(): object;
}

export interface SourceBatch {
  /** Rows. */
  n: number;
  /** One value a row; null when `row` serves them. */
  values: unknown[] | null;
  /** The lazy row of a declared schema; null when `values` serves them. */
  row: RowCursor | null;
  cols: ColumnSet | null;
  /** Source timestamps (log append time …), null where the source has none. */
  timestamps: Float64Array | null;
  /** Position of row i in its split. May be slow: asked for only when something went wrong, or rows must be skipped. */
  positionOf(i: number): number;
  /** Row i as text for a dead letter or an error message. */
  rawOf(i: number): string;
  /** Position after the last row (and after every bad record) of this batch: where the next batch starts. */
  endPosition: number;
  /** Records between `position` and `endPosition` that did not decode, ascending. Usually empty. */
  readonly bad: BadRecord[];
}
