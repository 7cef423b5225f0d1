/**
 * Strings of a chunk: bytes back to back, then lengths. ASCII, UTF-8, or UTF-16 where a lone surrogate must survive. A column of few distinct
 * strings is a dictionary and numbers into it.
 */
import type { BlockInput, BlockOutput } from './block-output.ts';
import { readInts, writeInts } from './number-column.ts';
import { MAX_CHUNK_ROWS } from './block-format.ts';

const ASCII = 0;
const UTF8 = 1;
const UTF16 = 2;
export const PLAIN = 0;
export const DICTIONARY = 1;
/** Larger dictionaries save little and cost a look-up each. */
export const MAX_DICTIONARY = 1024;
/** V8 copies substrings shorter than this; a longer one would keep the whole column alive (HOTPATH section 9.3). */
const COPIED_SUBSTRING = 13;

const numbers = new Int32Array(MAX_CHUNK_ROWS);

/** True when a dictionary with `entries` for `rows` rows no longer pays. */
export function dictionaryIsTooLarge(entries: number, rows: number): boolean {
  return entries > 64 && (entries > MAX_DICTIONARY || entries * 4 > rows);
}

/** Columns that were no dictionary are tried again after so many chunks. */
const CHUNKS_WITHOUT = 64;

/** What is remembered of a column from chunk to chunk. */
export class DictionaryHint {
  private chunksLeft = 0;
  /** Asked once a chunk. */
  get worthTrying(): boolean {
    return this.chunksLeft === 0 || --this.chunksLeft === 0;
  }
  failed(): void {
    this.chunksLeft = CHUNKS_WITHOUT;
  }
}

const ids = new Map<string, number>();
const entries: string[] = [];

export function writeStringColumn(out: BlockOutput, strings: readonly string[], n: number, hint: DictionaryHint): void {
  if (hint.worthTrying) {
    ids.clear();
    entries.length = 0;
    let i = 0;
    for (; i < n; i++) {
      const s = strings[i]!;
      let id = ids.get(s);
      if (id === undefined) {
        if (dictionaryIsTooLarge(entries.length + 1, i)) break;
        id = entries.push(s) - 1;
        ids.set(s, id);
      }
      numbers[i] = id;
    }
    if (i === n) {
      out.head(DICTIONARY, 0, entries.length);
      writeInts(out, numbers, n);
      writeStrings(out, entries, entries.length);
      return;
    }
    hint.failed();
  }
  out.head(PLAIN, 0, 0);
  writeStrings(out, strings, n);
}

export function readStringColumn(input: BlockInput, n: number): string[] {
  if (input.head() === PLAIN) return readStrings(input, n);
  const count = input.n;
  readInts(input, numbers, n);
  const rowIds = numbers.slice(0, n);
  const dictionary = readStrings(input, count);
  const strings = new Array<string>(n);
  for (let i = 0; i < n; i++) strings[i] = dictionary[rowIds[i]!]!;
  return strings;
}

export function writeStrings(out: BlockOutput, strings: readonly string[], n: number): void {
  let chars = 0;
  let wellFormed = true;
  for (let i = 0; i < n; i++) chars += strings[i]!.length;
  out.head(ASCII, 0, 0);
  const head = (out.at >> 2) - 2;
  const start = out.at;
  let end = putAscii(out, strings, n, chars);
  let encoding = ASCII;
  if (end < 0) {
    for (let i = 0; i < n && wellFormed; i++) wellFormed = strings[i]!.isWellFormed();
    encoding = wellFormed ? UTF8 : UTF16;
    end = putText(out, strings, n, wellFormed ? 'utf8' : 'utf16le', chars * (wellFormed ? 3 : 2));
  }
  out.u32[head] = encoding;
  out.u32[head + 1] = end - start;
  out.at = end;
  writeInts(out, lengths, n);
}

let lengths = new Int32Array(MAX_CHUNK_ROWS);

/** Answers where the text ends, −1 when it is not ASCII. */
function putAscii(out: BlockOutput, strings: readonly string[], n: number, chars: number): number {
  if (n > lengths.length) lengths = new Int32Array(n);
  out.reserve(chars);
  const { bytes } = out;
  let at = out.at;
  for (let i = 0; i < n; i++) {
    const s = strings[i]!;
    const length = s.length;
    for (let k = 0; k < length; k++) {
      const c = s.charCodeAt(k);
      if (c > 127) return -1;
      bytes[at + k] = c;
    }
    lengths[i] = length;
    at += length;
  }
  return at;
}

function putText(
  out: BlockOutput,
  strings: readonly string[],
  n: number,
  encoding: 'utf8' | 'utf16le',
  most: number,
): number {
  out.reserve(most);
  let { at } = out;
  for (let i = 0; i < n; i++) at += lengths[i] = out.bytes.write(strings[i]!, at, encoding);
  return at;
}

export function readStrings(input: BlockInput, n: number): string[] {
  const encoding = input.head();
  const { bytes, n: length } = input;
  let { at } = input;
  input.at += length;
  if (n > lengths.length) lengths = new Int32Array(n);
  readInts(input, lengths, n);
  const strings = new Array<string>(n);
  if (encoding !== ASCII) {
    for (let i = 0; i < n; i++) {
      const end = at + lengths[i]!;
      strings[i] = bytes.toString(encoding === UTF8 ? 'utf8' : 'utf16le', at, end);
      at = end;
    }
    return strings;
  }
  const text = bytes.latin1Slice(at, at + length);
  const start = at;
  for (let i = 0; i < n; i++) {
    const end = at + lengths[i]!;
    strings[i] = end - at < COPIED_SUBSTRING ? text.substring(at - start, end - start) : bytes.latin1Slice(at, end);
    at = end;
  }
  return strings;
}
