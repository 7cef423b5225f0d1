/**
 * Columns of lazy rows (model/source-batch.ts `ColumnSet`) on their way: gathered from source batches, written as a chunk, and read as
 * columns over the block's bytes.
 */
import type { ColumnSet } from '../../model/source-batch.ts';
import type { LazyType } from './block-format.ts';
import type { BlockInput, BlockOutput } from './block-output.ts';
import { readInts, readNumbers, writeInts, writeNumbers } from './number-column.ts';
import {
  DICTIONARY,
  dictionaryIsTooLarge,
  MAX_DICTIONARY,
  PLAIN,
  readStrings,
  writeStrings,
  type DictionaryHint,
} from './string-column.ts';

const HAS_NULLS = 1;
const HAS_SIDE = 2;

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
      while (entry >= 0 && !this.isEntry(entry, source, p, length)) {
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

  private isEntry(entry: number, source: Uint8Array, p: number, length: number): boolean {
    const { bytes, starts } = this;
    let a = starts[entry]!;
    if (starts[entry + 1]! - a !== length) return false;
    const e = a + length;
    while (a < e && bytes[a] === source[p]) {
      a++;
      p++;
    }
    return a === e;
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
  }
}

export type StagedColumn = StagedNumbers | StagedStrings;

/** Columns for `capacity` rows that `readLazyColumn` fills. */
export function lazyColumns(names: readonly string[], types: readonly LazyType[], capacity: number): ColumnSet {
  const strings = (): (Int32Array | null)[] => types.map((type) => (type === 'string' ? new Int32Array(capacity) : null));
  return {
    fields: new Map(names.map((name, i) => [name, i])),
    bytes: Buffer.alloc(0),
    start: strings(),
    end: strings(),
    hash: strings(),
    numbers: types.map((type) => (type === 'string' ? null : new Float64Array(capacity))),
    nulls: types.map(() => new Uint8Array(capacity)),
    side: [],
  };
}

export function readLazyColumn(input: BlockInput, cols: ColumnSet, field: number, n: number): void {
  const nulls = cols.nulls[field]!;
  const kind = input.head();
  const { flags, n: count } = input;
  if (flags & HAS_NULLS) readBitmap(input, nulls, n);
  else nulls.fill(0, 0, n);
  const numbers = cols.numbers[field];
  if (numbers) {
    readNumbers(input, numbers, n);
    return;
  }
  const start = cols.start[field]!;
  const end = cols.end[field]!;
  const hash = cols.hash[field]!;
  let side: string[] | null = null;
  if (flags & HAS_SIDE) {
    input.head();
    const sides = input.n;
    side = readStrings(input, sides);
    const rows = new Int32Array(sides);
    readInts(input, rows, sides);
    for (let k = 0; k < sides; k++) nulls[rows[k]!] = 2;
  }
  if (kind === DICTIONARY) readEntries(input, count, start, end, hash, n);
  else {
    readInts(input, end, n);
    input.align();
    placeStrings(input.bytes, input.at, start, end, hash, n);
    input.at += count;
  }
  if (side !== null) for (let i = 0, k = 0; i < n; i++) if (nulls[i] === 2) start[i] = cols.side.push(side[k++]!) - 1;
}

function readEntries(input: BlockInput, entries: number, start: Int32Array, end: Int32Array, hash: Int32Array, n: number): void {
  input.head();
  const length = input.n;
  readInts(input, entryEnds, entries);
  readInts(input, end, n);
  input.align();
  placeStrings(input.bytes, input.at, entryStarts, entryEnds, entryHashes, entries);
  input.at += length;
  if (entries === 0) {
    // All rows are null or in `side`.
    start.fill(0, 0, n);
    hash.fill(0, 0, n);
    return;
  }
  for (let i = 0; i < n; i++) {
    const entry = end[i]!;
    start[i] = entryStarts[entry]!;
    end[i] = entryEnds[entry]!;
    hash[i] = entryHashes[entry]!;
  }
}

const entryStarts = new Int32Array(MAX_DICTIONARY);
const entryEnds = new Int32Array(MAX_DICTIONARY);
const entryHashes = new Int32Array(MAX_DICTIONARY);

/** Lengths in `end` become byte ranges from `at` on, and each gets its hash (31·h + byte, as everywhere). */
function placeStrings(bytes: Uint8Array, at: number, start: Int32Array, end: Int32Array, hash: Int32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const e = at + end[i]!;
    start[i] = at;
    end[i] = e;
    let h = 0;
    for (; at < e; at++) h = (Math.imul(h, 31) + bytes[at]!) | 0;
    hash[i] = h;
  }
}

/** One bit a row: null. */
export function writeBitmap(out: BlockOutput, states: Uint8Array, n: number): void {
  out.align();
  const length = (n + 7) >> 3;
  out.reserve(length);
  const { bytes, at } = out;
  bytes.fill(0, at, at + length);
  for (let i = 0; i < n; i++) if (states[i] === 1) bytes[at + (i >> 3)]! |= 1 << (i & 7);
  out.at += length;
}

export function readBitmap(input: BlockInput, states: Uint8Array, n: number): void {
  input.align();
  const { bytes, at } = input;
  for (let i = 0; i < n; i++) states[i] = (bytes[at + (i >> 3)]! >> (i & 7)) & 1;
  input.at += (n + 7) >> 3;
}

function sideRows(states: Uint8Array, n: number): Int32Array {
  const rows = new Int32Array(n);
  for (let i = 0, k = 0; i < n; i++) if (states[i] === 2) rows[k++] = i;
  return rows;
}
