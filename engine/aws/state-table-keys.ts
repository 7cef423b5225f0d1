/**
 * Where state records stand in the single table (table-keys.ts has the rest; ARCHITECTURE section 5). A record's partition is a key group of an
 * operator, so that leading keys and throughput are spread as the work is.
 *
 * | item               | p                              | s                                      |
 * |--------------------|--------------------------------|----------------------------------------|
 * | record of a key    | `job#S#namespace#operator#group` | the key's form                       |
 * | piece of a large one | the same                     | `form#writer#number`                   |
 * | timer              | `job#T#namespace#operator#group` | `e` or `p`, the time, `#`, the form  |
 * | what there is      | `job#N`                        | `namespace#operator`                   |
 *
 * A key's form: `s` and the text of a plain string; `x` and the canonical bytes in base64url; `h` and their SHA-256, where that is longer than a
 * sort key may be (the bytes stand in attribute `k`). No form has a `#`. Times: the bits of the double, so that they sort as numbers.
 */
import { createHash } from 'node:crypto';
import { ConfigError } from '../model/errors.ts';
import type { KeyTimeDomain, TablePlace } from '../ports/state-table.ts';
import type { TableKey } from './table-keys.ts';

/** A sort key has at most 1024 bytes, a timer's time and letter included. */
const MAX_FORM = 900;
/** Beside 380 KB of state in an item of 400 KB. */
const MAX_KEY_BYTES = 10_000;
const STRING_TAG = 0x73;

export const recordsOf = (place: TablePlace, keyGroup: number): string => partition(place, 'S', keyGroup);
export const timersOf = (place: TablePlace, keyGroup: number): string => partition(place, 'T', keyGroup);
const partition = ({ job, namespace, operator }: TablePlace, kind: 'S' | 'T', keyGroup: number): string =>
  `${job}#${kind}#${namespace}#${operator}#${keyGroup}`;

export const contentsOf = (job: string): string => `${job}#N`;
export const contentsKey = ({ job, namespace, operator }: TablePlace): TableKey => ({
  p: contentsOf(job),
  s: `${namespace}#${operator}`,
});

export function keyForm(key: Uint8Array): string {
  if (key.length > MAX_KEY_BYTES)
    throw new ConfigError(
      `a key has ${key.length} bytes; with the state backend "table" it has ${MAX_KEY_BYTES} at most. Key by an id, or by a hash of it.`,
    );
  if (isPlainString(key)) return `s${Buffer.from(key.buffer, key.byteOffset + 1, key.length - 1).toString('latin1')}`;
  const form = `x${Buffer.from(key).toString('base64url')}`;
  return form.length <= MAX_FORM ? form : `h${createHash('sha256').update(key).digest('base64url')}`;
}

/** Null: the form does not tell. */
export function keyOfForm(form: string): Uint8Array | null {
  const text = form.slice(1);
  if (form.startsWith('s')) return Uint8Array.from([STRING_TAG, ...Buffer.from(text, 'latin1')]);
  return form.startsWith('x') ? Uint8Array.from(Buffer.from(text, 'base64url')) : null;
}

function isPlainString(key: Uint8Array): boolean {
  if (key[0] !== STRING_TAG || key.length > MAX_FORM) return false;
  for (let i = 1; i < key.length; i++) {
    const c = key[i]!;
    // Printable ASCII, but for '#'.
    if (c < 0x20 || c > 0x7e || c === 0x23) return false;
  }
  return true;
}

export const pieceOfRecord = (form: string, nonce: string, piece: number): string =>
  `${form}#${nonce}#${String(piece).padStart(4, '0')}`;

const LETTERS: Readonly<Record<KeyTimeDomain, string>> = { 'event-time': 'e', 'processing-time': 'p' };

export const timerSort = (domain: KeyTimeDomain, time: number, form: string): string =>
  `${LETTERS[domain]}${sortableTime(time)}#${form}`;
export const timerForm = (s: string): string => s.slice(18);
export const timerTime = (s: string): number => timeOfSort(s.slice(1, 17));

/** Sort keys of timers in [from, until], and of all after it: bounds, both included. */
export function timerRanges(
  domain: KeyTimeDomain,
  from: number,
  until: number,
): { readonly within: readonly [string, string]; readonly after: readonly [string, string] } {
  const letter = LETTERS[domain];
  const end = `${letter}${sortableTime(until)}~`;
  return { within: [`${letter}${sortableTime(from)}`, end], after: [end, `${letter}~`] };
}

const bits = new DataView(new ArrayBuffer(8));
const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;

export function sortableTime(time: number): string {
  bits.setFloat64(0, time + 0);
  const word = bits.getBigUint64(0);
  return ((word & SIGN) === 0n ? word | SIGN : word ^ ALL).toString(16).padStart(16, '0');
}

export function timeOfSort(text: string): number {
  const word = BigInt(`0x${text}`);
  bits.setBigUint64(0, (word & SIGN) === 0n ? word ^ ALL : word ^ SIGN);
  return bits.getFloat64(0);
}
