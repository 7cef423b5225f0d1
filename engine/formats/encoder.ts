/**
 * Value → one line of text, without its line break: what row-format sinks write. An encoder never writes something that reads back as
 * something else: where JSON.stringify would drop a value or turn it to null, these throw and say what to do.
 */
import { ConfigError } from '../model/errors.ts';

export interface Encoder<T> {
  /** For messages. */
  readonly name: string;
  encode(value: T): string;
}

/**
 * JSON. Refused, with the path of the value: NaN and ±Infinity (JSON has no such numbers), bigint, functions and symbols, and undefined,
 * except as an object's property, which is left out as JSON.stringify does. Dates and other `toJSON` values are written as they say.
 */
export function jsonEncoder<T = unknown>(): Encoder<T> {
  return { name: 'json', encode: encodeJson };
}

/** Strings as they are. Other values and strings with a line break are refused: the line would read back as another record. */
export function textEncoder(): Encoder<string> {
  return {
    name: 'text',
    encode(value) {
      if (typeof value !== 'string') {
        throw new Error(
          `textEncoder writes strings, got ${typeof value}: map to a string first, or use jsonEncoder().`,
        );
      }
      if (value.includes('\n') || value.includes('\r')) {
        throw new Error(
          'textEncoder: the string contains a line break and would read back as several lines; use jsonEncoder() or replace it.',
        );
      }
      return value;
    },
  };
}

/** CSV of the named properties, in order, without a header line; null and undefined are empty fields. Numbers as in jsonEncoder. */
export function csvEncoder<T extends object>(columns: readonly (keyof T & string)[], delimiter = ','): Encoder<T> {
  if (columns.length === 0)
    throw new ConfigError('csvEncoder needs at least one column, e.g. csvEncoder(["id", "amount"]).');
  if (delimiter.length !== 1 || '"\r\n'.includes(delimiter)) {
    throw new ConfigError(
      `csvEncoder: the delimiter must be one character, no quote and no line break; got ${JSON.stringify(delimiter)}.`,
    );
  }
  return {
    name: 'csv',
    encode: (row) => columns.map((column) => csvField(column, row[column], delimiter)).join(delimiter),
  };
}

/** Plain data is written by JSON.stringify alone, several times faster than with a replacer; all else is looked at value by value. */
function encodeJson(value: unknown): string {
  if (isPlain(value, 0)) return JSON.stringify(value);
  const text = JSON.stringify(value, checked) as string | undefined;
  if (text === undefined)
    throw new Error(`jsonEncoder: ${typeof value} has no JSON form; emit null or a value instead.`);
  return text;
}

const MAX_PLAIN_DEPTH = 8;

/** True when JSON.stringify(value) loses nothing: plain objects and arrays of finite numbers, strings, booleans and null. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth > MAX_PLAIN_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if (property !== undefined && !isPlain(property, depth + 1)) return false;
  }
  return true;
}

/** JSON.stringify's replacer: passes everything on, but refuses what would be lost. `this` is the holder. */
function checked(this: unknown, key: string, value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      if (Number.isFinite(value)) return value;
      throw new Error(
        `jsonEncoder: ${value} at ${place(key)} has no JSON form; emit null or a string such as "${value}" instead.`,
      );
    case 'bigint':
      throw new Error(
        `jsonEncoder: bigint at ${place(key)} has no JSON form; emit String(value), or Number(value) if it is small enough.`,
      );
    case 'function':
    case 'symbol':
      throw new Error(
        `jsonEncoder: a ${typeof value} at ${place(key)} has no JSON form; map the value to plain data first.`,
      );
    case 'undefined':
      if (Array.isArray(this))
        throw new Error(`jsonEncoder: undefined at ${place(key)} of an array would become null; emit null instead.`);
      return value;
    default:
      return value;
  }
}

function place(key: string): string {
  return key === '' ? 'the top' : `"${key}"`;
}

function csvField(column: string, value: unknown, delimiter: string): string {
  if (value === null || value === undefined) return '';
  let text: string;
  switch (typeof value) {
    case 'string':
      text = value;
      break;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      if (!Number.isFinite(value))
        throw new Error(`csvEncoder: ${value} in column "${column}"; emit null or a string instead.`);
      return String(value);
    default:
      throw new Error(`csvEncoder: column "${column}" holds a ${typeof value}; map it to a string or number first.`);
  }
  if (text.includes('\n') || text.includes('\r')) {
    throw new Error(
      `csvEncoder: column "${column}" contains a line break, which csvLines cannot read back; replace it first.`,
    );
  }
  // An empty string is quoted, to differ from null.
  return text === '' || text.includes('"') || text.includes(delimiter) || text.trim() !== text
    ? `"${text.replaceAll('"', '""')}"`
    : text;
}
