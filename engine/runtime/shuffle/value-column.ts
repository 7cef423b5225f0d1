/**
 * Values of any kind as one column: all numbers, all strings or all booleans (or null), else one value of the serializer for the chunk.
 * What msgpack would change (−0, lone surrogates, a key "__proto__") goes as a structured clone: a row that was shuffled must not differ
 * from one that was not.
 */
import { clone, pack, survivesPacking, unclone, unpack } from '../../state/serializer.ts';
import { checkStorable, isPlainlyStorable } from '../../state/storable.ts';
import { MAX_CHUNK_ROWS } from './block-format.ts';
import type { BlockInput, BlockOutput } from './block-output.ts';
import { readBitmap, writeBitmap } from './null-bitmap.ts';
import { readNumbers, writeNumbers } from './number-column.ts';
import { readStringColumn, writeStringColumn, type DictionaryHint } from './string-column.ts';

const NUMBERS = 0;
const STRINGS = 1;
const BOOLEANS = 2;
const PACKED = 3;
const CLONED = 4;

const doubles = new Float64Array(MAX_CHUNK_ROWS);
const texts = new Array<string>(MAX_CHUNK_ROWS).fill('');
const states = new Uint8Array(MAX_CHUNK_ROWS);

export type ColumnValues = Float64Array | readonly unknown[];

export function writeNumberValues(out: BlockOutput, values: Float64Array, n: number): void {
  out.head(NUMBERS, 0, n);
  writeNumbers(out, values, n);
}

export function writeStringValues(out: BlockOutput, values: readonly string[], n: number, hint: DictionaryHint): void {
  out.head(STRINGS, 0, n);
  writeStringColumn(out, values, n, hint);
}

/** Throws ConfigError for what cannot be serialized; `what` names the value in it. */
export function writeValues(
  out: BlockOutput,
  values: readonly unknown[],
  n: number,
  hint: DictionaryHint,
  what: (i: number) => string,
): void {
  const kind = kindOf(values, n);
  if (kind === PACKED) {
    writePacked(out, values, n, what);
    return;
  }
  let nulls = 0;
  for (let i = 0; i < n; i++) nulls |= states[i] = values[i] === null ? 1 : 0;
  out.head(kind, nulls, n);
  if (nulls !== 0) writeBitmap(out, states, n);
  if (kind === STRINGS) {
    for (let i = 0; i < n; i++) texts[i] = (values[i] as string | null) ?? '';
    writeStringColumn(out, texts, n, hint);
    texts.fill('', 0, n);
    return;
  }
  for (let i = 0; i < n; i++) doubles[i] = values[i] === null ? (i === 0 ? 0 : doubles[i - 1]!) : Number(values[i]);
  writeNumbers(out, doubles, n);
}

export function readValues(input: BlockInput, n: number): ColumnValues {
  const kind = input.head();
  const { flags, n: length } = input;
  if (kind === PACKED || kind === CLONED) {
    // A copy: bytes inside a value would otherwise be a view of the block.
    const bytes = Buffer.from(input.bytes.subarray(input.at, input.at + length));
    input.at += length;
    return (kind === PACKED ? unpack(bytes) : unclone(bytes)) as unknown[];
  }
  if (flags !== 0) readBitmap(input, states, n);
  if (kind === STRINGS) {
    const strings: unknown[] = readStringColumn(input, n);
    if (flags !== 0) for (let i = 0; i < n; i++) if (states[i] === 1) strings[i] = null;
    return strings;
  }
  const numbers = new Float64Array(n);
  readNumbers(input, numbers, n);
  if (kind === NUMBERS && flags === 0) return numbers;
  return Array.from(numbers, (x, i) => (flags !== 0 && states[i] === 1 ? null : kind === BOOLEANS ? x === 1 : x));
}

function kindOf(values: readonly unknown[], n: number): number {
  let kind = -1;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (v === null) continue;
    const type = typeof v;
    const k = type === 'number' ? NUMBERS : type === 'string' ? STRINGS : type === 'boolean' ? BOOLEANS : PACKED;
    if (k === PACKED || (kind >= 0 && k !== kind)) return PACKED;
    kind = k;
  }
  return kind < 0 ? NUMBERS : kind;
}

function writePacked(out: BlockOutput, values: readonly unknown[], n: number, what: (i: number) => string): void {
  let exact = true;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (!isPlainlyStorable(v) || (typeof v === 'object' && v !== null)) checkStorable(v, what(i));
    exact &&= survivesPacking(v);
  }
  const rows = values.length === n ? values : values.slice(0, n);
  const bytes = exact ? pack(rows) : clone(rows);
  out.head(exact ? PACKED : CLONED, 0, bytes.length);
  out.putBytes(bytes, 0, bytes.length);
}
