/**
 * Canonical bytes of a key, and with them its key group, fixed for ever (ARCHITECTURE sections 5 and 11):
 *   string  's' utf8      number 'n' float64 big-endian (−0 is 0, one NaN)     boolean 'b' 0|1     bigint 'i' decimal digits
 *   Date    'd' float64   array  'a' count, then each part length-prefixed      object  'o' count, then (name, part) sorted by name
 * Lengths and counts are 32-bit big-endian. 1 differs from "1". Refused: null, undefined, functions, symbols, lone surrogates,
 * class instances.
 */
import { ConfigError } from '../model/errors.ts';
import { murmur3 } from '../model/murmur3.ts';

const encoder = new TextEncoder();
let scratch = new Uint8Array(1024);
let view = new DataView(scratch.buffer);
let top = 0;

/** Canonical bytes of `key`; the array is reused by the next call. Throws ConfigError saying why a key is refused. */
export function keyBytes(key: unknown): Uint8Array {
  top = 0;
  put(key, 0);
  return scratch.subarray(0, top);
}

/** murmur3 of the canonical bytes, unsigned 32 bits. */
export function keyHash(key: unknown): number {
  if (typeof key === 'string') {
    const n = key.length;
    reserve(n + 1);
    scratch[0] = 0x73;
    let i = 0;
    for (; i < n; i++) {
      const c = key.charCodeAt(i);
      if (c > 127) break;
      scratch[i + 1] = c;
    }
    if (i === n) return murmur3(scratch, 0, n + 1);
  }
  return murmur3(keyBytes(key));
}

/** The canonical bytes as a string of code units 0..255: a Map key for composite keys. */
export function keyText(key: unknown): string {
  const bytes = keyBytes(key);
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function reserve(more: number): void {
  top = 0;
  grow(more);
}

function grow(more: number): void {
  if (top + more <= scratch.length) return;
  const larger = new Uint8Array(Math.max(scratch.length * 2, top + more));
  larger.set(scratch.subarray(0, top));
  scratch = larger;
  view = new DataView(scratch.buffer);
}

function tag(code: number): void {
  grow(1);
  scratch[top++] = code;
}

function number32(n: number): void {
  grow(4);
  view.setUint32(top, n);
  top += 4;
}

function float64(x: number): void {
  grow(8);
  view.setFloat64(top, Number.isNaN(x) ? Number.NaN : x + 0);
  top += 8;
}

function text(s: string): void {
  if (!s.isWellFormed()) {
    throw new ConfigError(
      `a key holds a lone surrogate (${JSON.stringify(s)}); it has no UTF-8 form. Clean the text before keyBy.`,
    );
  }
  const bytes = encoder.encode(s);
  grow(bytes.length);
  scratch.set(bytes, top);
  top += bytes.length;
}

function part(value: unknown, depth: number): void {
  number32(0);
  const at = top;
  put(value, depth);
  view.setUint32(at - 4, top - at);
}

function put(key: unknown, depth: number): void {
  switch (typeof key) {
    case 'string':
      tag(0x73);
      return text(key);
    case 'number':
      tag(0x6e);
      return float64(key);
    case 'boolean':
      tag(0x62);
      return tag(key ? 1 : 0);
    case 'bigint':
      tag(0x69);
      return text(key.toString());
    case 'object':
      return putObject(key, depth);
    default:
      throw refused(key);
  }
}

function putObject(key: object | null, depth: number): void {
  if (key === null || depth > 16) throw refused(key);
  if (key instanceof Date) {
    tag(0x64);
    return float64(key.getTime());
  }
  if (Array.isArray(key)) {
    tag(0x61);
    number32(key.length);
    for (const value of key) part(value, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(key);
  if (prototype !== Object.prototype && prototype !== null) throw refused(key);
  const entries = Object.entries(key).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  tag(0x6f);
  number32(entries.length);
  for (const [name, value] of entries) {
    part(name, depth + 1);
    part(value, depth + 1);
  }
}

function refused(key: unknown): ConfigError {
  const what =
    key === null || key === undefined
      ? String(key)
      : typeof key === 'object'
        ? `a ${key.constructor?.name ?? 'nested'} object`
        : `a ${typeof key}`;
  return new ConfigError(
    `keyBy returned ${what}; a key is a string, number, boolean, bigint, Date, or an array or plain object of these. ` +
      'Filter out records without a key, or map them to a key of their own, before keyBy.',
  );
}
