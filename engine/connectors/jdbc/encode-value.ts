/**
 * A row's value as the text or the bytes that its column reads, exactly; a value that the column cannot hold is refused here, before the
 * epoch is committed. Texts of equal values of a type are equal, so that rows of one key can be found by them.
 */
import { timestampOrNaN } from '../../formats/timestamp.ts';
import type { ColumnType } from './column-type.ts';
import type { WireValue } from './wire-value.ts';

export function encodeValue(value: unknown, type: ColumnType): WireValue {
  if (value === null) return null;
  if (value === undefined) throw new Error('it is undefined; write null for SQL NULL');
  switch (type.kind) {
    case 'boolean':
      return booleanText(value);
    case 'integer':
      return integerText(value, type);
    case 'float':
      return floatText(value, type);
    case 'decimal':
      return decimalText(value, type);
    case 'text':
      return textOf(value, type);
    case 'uuid':
      return uuidText(value);
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw unfit(value, 'bytes (Uint8Array)');
      checkBytes(value.length, type.maxBytes);
      return padded(value, type.padTo ?? 0);
    case 'bits':
      return bitsOf(value, type.bits);
    case 'date':
      return dateText(value);
    case 'time':
      return timeText(value);
    case 'timestamp':
      return timestampText(value, type.zoned);
    case 'json':
      return jsonText(value, type.takesNul);
    case 'array':
      return arrayText(value, type.element);
    case 'other':
      return otherText(value, type.takesNul);
  }
}

function booleanText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 't' : 'f';
  throw unfit(value, 'a boolean');
}

function integerText(value: unknown, type: Extract<ColumnType, { kind: 'integer' }>): string {
  if (typeof value === 'boolean' && type.takesBoolean) return value ? '1' : '0';
  // Within the safe range every integer column but the small ones holds it: no bigint is made on the hot path.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= type.min && value <= type.max)
    return value === 0 ? '0' : String(value);
  const exact = exactInteger(value);
  if (exact === null)
    throw unfit(value, typeof value === 'number' ? 'a whole number that is exact (bigint beyond 2^53)' : 'an integer');
  if (exact < type.min || exact > type.max)
    throw new Error(`${String(exact)} is not within ${type.min}..${type.max}, the range of the column`);
  return String(exact);
}

function exactInteger(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && /^[+-]?\d+$/.test(value) ? BigInt(value.replace('+', '')) : null;
}

const SPECIAL = /^(?:NaN|-?Infinity)$/;

function floatText(value: unknown, { special, bytes }: Extract<ColumnType, { kind: 'float' }>): string {
  const isText = typeof value === 'string' && (NUMERIC.test(value) || SPECIAL.test(value));
  if (!isText && typeof value !== 'number' && typeof value !== 'bigint') throw unfit(value, 'a number');
  const number = Number(value);
  if (!Number.isFinite(number) && SPECIAL.test(String(value))) {
    if (!special) throw new Error(`the column does not take ${number}`);
    return String(number);
  }
  const held = bytes === 4 ? Math.fround(number) : number;
  // PostgreSQL refuses what would become zero, too.
  if (!Number.isFinite(held) || (special && held === 0 && number !== 0))
    throw new Error(`${String(value).slice(0, SHOWN)} is not within the range of a float of ${bytes} bytes`);
  return number === 0 ? '0' : typeof value === 'bigint' ? String(value) : String(number);
}

const NUMERIC = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;

function decimalText(value: unknown, type: Extract<ColumnType, { kind: 'decimal' }>): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint')
    throw unfit(value, 'a number, a bigint or a decimal string');
  const text = String(value);
  if (type.special && SPECIAL.test(text)) return text;
  const match = NUMERIC.exec(text);
  if (match === null || (match[2] === '' && match[3] === '')) throw unfit(value, 'a decimal number');
  const plain = plainDecimal(match[1] === '-', match[2]!, match[3]!, Number(match[4] ?? 0));
  if (type.precision !== null) {
    const digits = wholeDigits(plain, type.scale);
    if (digits > type.precision - type.scale)
      throw new Error(`${text} has ${digits} digits before the point; the column holds ${type.precision - type.scale}`);
  }
  return plain;
}

/** Digits before the point when the server has rounded it to its scale: 9.99 has two at a scale of 1. */
function wholeDigits(plain: string, scale: number): number {
  const [, whole, fraction = ''] = /^-?(\d*)\.?(\d*)$/.exec(plain)!;
  const digits = whole === '0' ? '' : whole!;
  const isRoundedUp = scale >= 0 && scale < fraction.length && fraction[scale]! >= '5';
  return digits.length + (isRoundedUp && /^9*$/.test(digits + fraction.slice(0, scale)) ? 1 : 0);
}

/** Without exponent, leading zeros, and zeros at the end: one text for one number. */
function plainDecimal(negative: boolean, whole: string, fraction: string, exponent: number): string {
  let digits = whole + fraction;
  let point = whole.length + exponent;
  if (point < 0) [digits, point] = ['0'.repeat(-point) + digits, 0];
  if (point > digits.length) digits += '0'.repeat(point - digits.length);
  const before = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0';
  const after = digits.slice(point).replace(/0+$/, '');
  const plain = after === '' ? before : `${before}.${after}`;
  return negative && plain !== '0' ? `-${plain}` : plain;
}

function textOf(value: unknown, type: Extract<ColumnType, { kind: 'text' }>): string {
  const text = typeof value === 'string' ? value : isPlain(value) ? jsonText(value, true) : null;
  if (text === null) throw unfit(value, 'a string');
  checkText(text, type.takesNul);
  const kept = type.padded ? text.replace(/ +$/, '') : text;
  if (type.maxLength !== null && kept.length > type.maxLength) {
    const characters = charactersOf(kept);
    if (characters > type.maxLength)
      throw new Error(`a text of ${characters} characters is longer than the column's ${type.maxLength}`);
  }
  if (type.maxBytes !== null && kept.length * UTF8 > type.maxBytes) checkBytes(Buffer.byteLength(kept), type.maxBytes);
  return kept;
}

/** Of the database's kind: code points. */
function charactersOf(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff]/g)?.length ?? 0);
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length >= length) return bytes;
  const full = new Uint8Array(length);
  full.set(bytes);
  return full;
}

/** Bytes of one of JavaScript's characters, at most. */
const UTF8 = 3;

function checkBytes(bytes: number, maxBytes: number | null): void {
  if (maxBytes !== null && bytes > maxBytes) throw new Error(`${bytes} bytes are more than the column's ${maxBytes}`);
}

function checkText(text: string, takesNul: boolean): void {
  if (!text.isWellFormed()) throw new Error('the text has half of a surrogate pair, which no encoding can hold');
  if (!takesNul && text.includes('\0')) throw new Error('the text has a NUL character, which PostgreSQL cannot hold');
}

function uuidText(value: unknown): string {
  if (typeof value !== 'string') throw unfit(value, 'a UUID as a string');
  const hex = value.replace(/[{}-]/g, '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) throw unfit(value, 'a UUID');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function bitsOf(value: unknown, bits: number): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const number = typeof value === 'boolean' ? BigInt(value) : exactInteger(value);
  if (number === null || number < 0n || number >= 1n << BigInt(bits)) throw unfit(value, `${bits} bits`);
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  for (let i = bytes.length - 1, rest = number; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const FRACTION = /[.,]\d{1,9}/;
/** The years 1 to 9999. */
const MIN_MS = -62_135_596_800_000;
export const MAX_MS = 253_402_300_799_999;

function dateText(value: unknown): string {
  if (typeof value === 'string') {
    if (DATE.test(value) && timestampOrNaN(value) >= MIN_MS) return value;
    throw unfit(value, 'a date as YYYY-MM-DD');
  }
  return isoOf(value).slice(0, 10);
}

function timeText(value: unknown): string {
  if (typeof value === 'string' && /^-?\d{1,3}:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[+-]\d\d(?::?\d\d)?)?$/.test(value))
    return value;
  throw unfit(value, 'a time as HH:MM:SS');
}

function timestampText(value: unknown, zoned: boolean): string {
  const text = typeof value === 'string' ? instantText(value) : isoOf(value).replace('T', ' ').replace('Z', '');
  const short = text.replace(/\.?0+$/, (zeros) => (text.length > SECONDS_LENGTH ? '' : zeros));
  return zoned ? `${short}+00` : short;
}

/** Of `YYYY-MM-DD HH:MM:SS`. */
const SECONDS_LENGTH = 19;

/** As UTC, to the last digit of its fraction; a text without a zone is taken for UTC. */
function instantText(text: string): string {
  const seconds = timestampOrNaN(text.replace(FRACTION, ''));
  if (Number.isNaN(seconds)) throw unfit(text, 'a timestamp as YYYY-MM-DD HH:MM:SS, with Z or an offset');
  return `${isoOf(seconds).slice(0, SECONDS_LENGTH).replace('T', ' ')}${FRACTION.exec(text)?.[0].replace(',', '.') ?? ''}`;
}

function isoOf(value: unknown): string {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms !== 'number') throw unfit(value, 'a Date, epoch milliseconds, or text');
  if (!Number.isInteger(ms) || ms < MIN_MS || ms > MAX_MS)
    throw new Error(`${String(ms)} is no time in whole milliseconds between the years 1 and 9999`);
  return new Date(ms).toISOString();
}

/** Strings are JSON text already. */
function jsonText(value: unknown, takesNul: boolean): string {
  let text: string | undefined;
  if (typeof value === 'string') {
    JSON.parse(value);
    text = value;
  } else text = JSON.stringify(value);
  if (text === undefined) throw unfit(value, 'a JSON value');
  checkText(text, true);
  if (!takesNul && text.includes('\\u')) checkJson(JSON.parse(text));
  return text;
}

/** PostgreSQL's jsonb keeps characters, not escapes. */
function checkJson(value: unknown): void {
  if (typeof value === 'string') checkText(value, false);
  else if (typeof value === 'object' && value !== null)
    for (const [name, part] of Object.entries(value)) {
      checkText(name, false);
      checkJson(part);
    }
}

function arrayText(value: unknown, element: ColumnType): string {
  if (typeof value === 'string') {
    checkText(value, false);
    return value;
  }
  if (!Array.isArray(value)) throw unfit(value, 'an array');
  const items = value.map((item: unknown) => {
    if (Array.isArray(item)) return arrayText(item, element);
    const wire = encodeValue(item, element);
    if (wire === null) return 'NULL';
    return quoteArrayItem(typeof wire === 'string' ? wire : bytesAsHex(wire));
  });
  return `{${items.join(',')}}`;
}

/** An element of a PostgreSQL array literal. */
export function quoteArrayItem(text: string): string {
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** PostgreSQL's text of bytes. */
export function bytesAsHex(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}

function otherText(value: unknown, takesNul: boolean): string {
  if (typeof value === 'string') {
    checkText(value, takesNul);
    return value;
  }
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Date) return timestampText(value, false);
  return jsonText(value, true);
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array);

const SHOWN = 80;

function unfit(value: unknown, wanted: string): Error {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new Error(`the column takes ${wanted}; got ${typeof value} ${shown.slice(0, SHOWN)}`);
}
