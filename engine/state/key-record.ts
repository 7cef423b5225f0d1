/**
 * All state entries of one key of one operator as bytes: what a table keeps under the key (backend `table`).
 *
 *   format 1 | codec (0 none, 1 zstd) | body = msgpack of columns: key, names, name numbers, sub keys, values, clones
 *
 * Entries keep their order: it is the order in which a restore hands them out. What msgpack would change stands apart as structured
 * clones, as in segments (segment.ts). The reserved name DUE holds when the key is next due, for whoever has the operator not at hand.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CorruptionError } from '../model/errors.ts';
import { keyText } from './key-bytes.ts';
import { clone, pack, survivesPacking, unclone, unpack } from './serializer.ts';

/** Names that are not an operator's: no operator's own begin so. */
export const isReserved = (name: string): boolean => name.startsWith('@');
/** An entry of any key: the segment says of all keys when they are due, which were read from a backend that does not. */
export const IMPORTED = '@imported';
/** [event time, processing time] at which the key is due, null: never. */
export const DUE = '@due';
export type StoredDue = readonly [eventTime: number | null, processingTime: number | null];

export interface KeyEntry {
  readonly name: string;
  readonly sub: unknown;
  readonly value: unknown;
}

/** By address; in the order in which a restore hands them out. */
export type KeyEntries = Map<string, KeyEntry>;

export function entryAddress(name: string, sub: unknown): string {
  return `${name.length}:${name}${sub === null ? '' : keyText(sub)}`;
}

export const DUE_ADDRESS: string = entryAddress(DUE, null);

const FORMAT = 1;
const HEADER = 2;
const COMPRESS_FROM_BYTES = 4096;

type Columns = [
  key: unknown,
  names: string[],
  numbers: number[],
  subs: unknown[],
  values: unknown[],
  /** In the place of value i (number 2i), of sub key i (2i + 1), or of the key (−1). */
  clones?: [numbers: number[], bytes: Uint8Array[]],
];

export function packKeyRecord(key: unknown, entries: KeyEntries): Uint8Array {
  const names = new Map<string, number>();
  const columns: Columns = [null, [], [], [], []];
  const plain = (value: unknown, number: number): unknown => {
    if (survivesPacking(value)) return value;
    const [numbers, bytes] = (columns[5] ??= [[], []]);
    numbers.push(number);
    bytes.push(clone(value));
    return null;
  };
  columns[0] = plain(key, -1);
  let i = 0;
  for (const { name, sub, value } of entries.values()) {
    let number = names.get(name);
    if (number === undefined) names.set(name, (number = columns[1].push(name) - 1));
    columns[2].push(number);
    columns[3].push(plain(sub, 2 * i + 1));
    columns[4].push(plain(value, 2 * i));
    i++;
  }
  const packed = pack(columns);
  const isLarge = packed.length >= COMPRESS_FROM_BYTES;
  const body = isLarge ? zstdCompressSync(packed, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }) : packed;
  const bytes = new Uint8Array(HEADER + body.length);
  bytes[0] = FORMAT;
  bytes[1] = isLarge ? 1 : 0;
  bytes.set(body, HEADER);
  return bytes;
}

/** `what` names the record in errors. */
export function unpackKeyRecord(
  bytes: Uint8Array,
  what: string,
): { readonly key: unknown; readonly entries: KeyEntries } {
  if (bytes[0] !== FORMAT || bytes.length <= HEADER)
    throw new CorruptionError(
      `the state record of ${what} has format ${String(bytes[0])}; this version of Millrace reads format ${FORMAT}. Nothing was changed.`,
      { what },
    );
  const body = bytes.subarray(HEADER);
  const columns = unpack(bytes[1] === 1 ? zstdDecompressSync(body) : body) as Columns;
  const [, names, numbers, subs, values, clones] = columns;
  clones?.[0].forEach((number, i) => {
    const value = unclone(clones[1][i]!);
    if (number < 0) columns[0] = value;
    else (number % 2 === 0 ? values : subs)[number >> 1] = value;
  });
  const entries: KeyEntries = new Map();
  for (let i = 0; i < numbers.length; i++) {
    const entry = { name: names[numbers[i]!]!, sub: subs[i], value: values[i] };
    entries.set(entryAddress(entry.name, entry.sub), entry);
  }
  return { key: columns[0], entries };
}

/** Times of a key, as an entry holds them. */
export function dueOfEntry(entries: KeyEntries): { readonly eventTime: number; readonly processingTime: number } {
  const [eventTime, processingTime] = (entries.get(DUE_ADDRESS)?.value as StoredDue | undefined) ?? [null, null];
  return { eventTime: eventTime ?? Infinity, processingTime: processingTime ?? Infinity };
}
