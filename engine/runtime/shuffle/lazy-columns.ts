/** Columns of lazy rows on the receiving side: a ColumnSet over the block's bytes (what staged-columns.ts wrote). */
import type { ColumnSet } from '../../model/source-batch.ts';
import type { LazyType } from './block-format.ts';
import type { BlockInput } from './block-output.ts';
import { readBitmap } from './null-bitmap.ts';
import { readInts, readNumbers } from './number-column.ts';
import { HAS_NULLS, HAS_SIDE } from './staged-columns.ts';
import { DICTIONARY, MAX_DICTIONARY, readStrings } from './string-column.ts';

/** Columns for `capacity` rows that `readLazyColumn` fills. */
export function lazyColumns(names: readonly string[], types: readonly LazyType[], capacity: number): ColumnSet {
  const strings = (): (Int32Array | null)[] =>
    types.map((type) => (type === 'string' ? new Int32Array(capacity) : null));
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

function readEntries(
  input: BlockInput,
  entries: number,
  start: Int32Array,
  end: Int32Array,
  hash: Int32Array,
  n: number,
): void {
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
function placeStrings(
  bytes: Uint8Array,
  at: number,
  start: Int32Array,
  end: Int32Array,
  hash: Int32Array,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    const e = at + end[i]!;
    start[i] = at;
    end[i] = e;
    let h = 0;
    for (; at < e; at++) h = (Math.imul(h, 31) + bytes[at]!) | 0;
    hash[i] = h;
  }
}
