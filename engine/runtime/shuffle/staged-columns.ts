/**
 * Columns of lazy rows on the sending side: gathered from source batches row by row, then written as columns of a chunk (read by
 * lazy-columns.ts).
 *
 *   numbers   head (flags) | null bitmap if there are nulls | numbers
 *   strings   head (plain or dictionary, flags) | null bitmap | side strings and their rows | lengths of entries | lengths, or numbers of
 *             entries, of the rows | bytes
 */
import type { ColumnSet } from '../../model/source-batch.ts';
import type { BlockOutput } from './block-output.ts';
import { writeBitmap } from './null-bitmap.ts';
import { writeInts, writeNumbers } from './number-column.ts';
import {
  DICTIONARY,
  dictionaryIsTooLarge,
  MAX_DICTIONARY,
  PLAIN,
  writeStrings,
  type DictionaryHint,
} from './string-column.ts';

/** Flags of a column's head. */
export const HAS_NULLS = 1;
export const HAS_SIDE = 2;

/** Which rows of a batch: order[from, to) are places in `index`, which holds rows of the columns. */
export interface Selection {
  index: Int32Array;
  order: Int32Array;
  from: number;
  to: number;
}

/** Rows [0, n) of one numeric column. */
export class StagedNumbers {
  values: Float64Array;
  states: Uint8Array;
  private seen = 0;

  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
    this.states = new Uint8Array(capacity);
  }

  get byteLength(): number {
    return 0;
  }

  gather(cols: ColumnSet, field: number, at: number, { index, order, from, to }: Selection): void {
    const source = cols.numbers[field]!;
    const nulls = cols.nulls[field]!;
    const { values, states } = this;
    let { seen } = this;
    for (let o = from, n = at; o < to; o++, n++) {
      const i = index[order[o]!]!;
      const state = nulls[i]!;
      states[n] = state;
      seen |= state;
      // A null repeats the number before it: it is not looked at, and keeps the range narrow.
      values[n] = state === 0 ? source[i]! : n === 0 ? 0 : values[n - 1]!;
    }
    this.seen = seen;
  }

  grow(capacity: number): void {
    const { values, states } = this;
    this.values = new Float64Array(capacity);
    this.values.set(values);
    this.states = new Uint8Array(capacity);
    this.states.set(states);
  }

  /** Writes the rows and forgets them. */
  write(out: BlockOutput, n: number): void {
    out.head(0, this.seen === 0 ? 0 : HAS_NULLS, 0);
    if (this.seen !== 0) writeBitmap(out, this.states, n);
    writeNumbers(out, this.values, n);
    this.seen = 0;
  }
}

/** Rows [0, n) of one string column: as a dictionary while that pays, then as plain bytes. */
export class StagedStrings {
  /** Number of the entry, or length of the string. */
  private numbers: Int32Array;
  private states: Uint8Array;
  private seen = 0;
  private bytes = new Uint8Array(1024);
  private view: DataView = new DataView(this.bytes.buffer);
  private end = 0;
  private side: string[] = [];
  private dictionary = true;
  private entries = 0;
  private readonly slots = new Int16Array(MAX_DICTIONARY * 4);
  private readonly starts = new Int32Array(MAX_DICTIONARY + 1);
  private readonly hint: DictionaryHint;

  constructor(capacity: number, hint: DictionaryHint) {
    this.numbers = new Int32Array(capacity);
    this.states = new Uint8Array(capacity);
    this.hint = hint;
  }

  get byteLength(): number {
    return this.end;
  }

  gather(cols: ColumnSet, field: number, at: number, rows: Selection): void {
    if (at === 0) this.dictionary = this.hint.worthTrying;
    const done = this.dictionary ? this.gatherEntries(cols, field, at, rows) : rows.from;
    if (done < rows.to) this.gatherBytes(cols, field, at + done - rows.from, { ...rows, from: done });
  }

  grow(capacity: number): void {
    const { numbers, states } = this;
    this.numbers = new Int32Array(capacity);
    this.numbers.set(numbers);
    this.states = new Uint8Array(capacity);
    this.states.set(states);
  }

  write(out: BlockOutput, n: number): void {
    const { dictionary, entries, side } = this;
    out.head(dictionary ? DICTIONARY : PLAIN, this.seen, dictionary ? entries : this.end);
    if (this.seen & HAS_NULLS) writeBitmap(out, this.states, n);
    if (this.seen & HAS_SIDE) {
      out.head(0, 0, side.length);
      writeStrings(out, side, side.length);
      writeInts(out, sideRows(this.states, n), side.length);
    }
    if (dictionary) {
      const lengths = new Int32Array(entries);
      for (let e = 0; e < entries; e++) lengths[e] = this.starts[e + 1]! - this.starts[e]!;
      out.head(0, 0, this.end);
      writeInts(out, lengths, entries);
      this.slots.fill(0);
    }
    writeInts(out, this.numbers, n);
    out.align();
    out.putBytes(this.bytes, 0, this.end);
    this.seen = this.end = this.entries = 0;
    if (side.length > 0) this.side = [];
  }

  /** Answers the place in `order` at which the dictionary became too large; what was gathered is then plain. */
  private gatherEntries(cols: ColumnSet, field: number, at: number, { index, order, from, to }: Selection): number {
    const source = cols.bytes;
    const view = new DataView(source.buffer, source.byteOffset, source.length);
    const start = cols.start[field]!;
    const end = cols.end[field]!;
    const hash = cols.hash[field]!;
    const nulls = cols.nulls[field]!;
    const { slots, starts, numbers, states } = this;
    const mask = slots.length - 1;
    let { seen } = this;
    for (let o = from, n = at; o < to; o++, n++) {
      const i = index[order[o]!]!;
      const state = nulls[i]!;
      states[n] = state;
      numbers[n] = 0;
      if (state !== 0) {
        seen |= state;
        if (state === 2) this.side.push(cols.side[start[i]!]!);
        continue;
      }
      const p = start[i]!;
      const length = end[i]! - p;
      const h = hash[i]!;
      let slot = (h ^ (h >>> 15)) & mask;
      let entry = slots[slot]! - 1;
      while (entry >= 0 && !this.isEntry(entry, view, p, length)) {
        slot = (slot + 1) & mask;
        entry = slots[slot]! - 1;
      }
      if (entry < 0) {
        if (dictionaryIsTooLarge(this.entries + 1, n)) {
          this.seen = seen;
          // Its null and side rows are met again by gatherBytes only from this row on.
          this.flatten(n);
          return o;
        }
        entry = this.entries++;
        this.room(length);
        this.bytes.set(source.subarray(p, p + length), this.end);
        this.end += length;
        starts[entry + 1] = this.end;
        slots[slot] = entry + 1;
      }
      numbers[n] = entry;
    }
    this.seen = seen;
    return to;
  }

  /** Four bytes at a time, the last four again where they overlap: byte by byte took a quarter of the encoding's time. */
  private isEntry(entry: number, source: DataView, p: number, length: number): boolean {
    const { view, starts } = this;
    const a = starts[entry]!;
    if (starts[entry + 1]! - a !== length) return false;
    if (length < 4) {
      for (let k = 0; k < length; k++) if (view.getUint8(a + k) !== source.getUint8(p + k)) return false;
      return true;
    }
    const last = length - 4;
    for (let k = 0; k < last; k += 4) if (view.getInt32(a + k) !== source.getInt32(p + k)) return false;
    return view.getInt32(a + last) === source.getInt32(p + last);
  }

  private gatherBytes(cols: ColumnSet, field: number, at: number, { index, order, from, to }: Selection): void {
    const source = cols.bytes;
    const start = cols.start[field]!;
    const end = cols.end[field]!;
    const nulls = cols.nulls[field]!;
    const { numbers, states } = this;
    let { seen, bytes, end: q } = this;
    for (let o = from, n = at; o < to; o++, n++) {
      const i = index[order[o]!]!;
      const state = nulls[i]!;
      states[n] = state;
      if (state !== 0) {
        seen |= state;
        numbers[n] = 0;
        if (state === 2) this.side.push(cols.side[start[i]!]!);
        continue;
      }
      let p = start[i]!;
      const e = end[i]!;
      numbers[n] = e - p;
      if (q + e - p > bytes.length) {
        this.end = q;
        this.room(e - p);
        bytes = this.bytes;
      }
      while (p < e) bytes[q++] = source[p++]!;
    }
    this.seen = seen;
    this.end = q;
  }

  /** Rows [0, n) from entries to plain bytes. */
  private flatten(n: number): void {
    const { bytes, starts, numbers, states } = this;
    const entries = bytes.slice(0, this.end);
    this.end = 0;
    for (let i = 0; i < n; i++) {
      if (states[i] !== 0) continue;
      const from = starts[numbers[i]!]!;
      const to = starts[numbers[i]! + 1]!;
      this.room(to - from);
      this.bytes.set(entries.subarray(from, to), this.end);
      this.end += to - from;
      numbers[i] = to - from;
    }
    this.entries = 0;
    this.slots.fill(0);
    this.dictionary = false;
    this.hint.failed();
  }

  private room(more: number): void {
    if (this.end + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.end + more));
    larger.set(this.bytes.subarray(0, this.end));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

export type StagedColumn = StagedNumbers | StagedStrings;

function sideRows(states: Uint8Array, n: number): Int32Array {
  const rows = new Int32Array(n);
  for (let i = 0, k = 0; i < n; i++) if (states[i] === 2) rows[k++] = i;
  return rows;
}
