/** Columns of records: to make, to grow, and to look at single records (tests, headers; never in a hot loop). */
import { CorruptionError } from '../../../model/errors.ts';
import type { RecordColumns } from './record-set.ts';
import { placeAfter, readVarint, setPlace } from './varint.ts';

const FIRST_CAPACITY = 1024;

export function newColumns(): RecordColumns {
  return {
    n: 0,
    nextOffset: 0,
    chunks: [],
    offsets: new Float64Array(FIRST_CAPACITY),
    timestamps: new Float64Array(FIRST_CAPACITY),
    chunk: new Uint32Array(FIRST_CAPACITY),
    keyStart: new Int32Array(FIRST_CAPACITY),
    keyEnd: new Int32Array(FIRST_CAPACITY),
    valueStart: new Int32Array(FIRST_CAPACITY),
    valueEnd: new Int32Array(FIRST_CAPACITY),
    headersStart: new Int32Array(FIRST_CAPACITY),
    headerCount: new Int32Array(FIRST_CAPACITY),
  };
}

/** Room for `capacity` records; what is there stays. */
export function growColumns(columns: RecordColumns, capacity: number): void {
  if (capacity <= columns.offsets.length) return;
  const size = Math.max(capacity, columns.offsets.length * 2);
  columns.offsets = copyInto(new Float64Array(size), columns.offsets);
  columns.timestamps = copyInto(new Float64Array(size), columns.timestamps);
  columns.chunk = copyInto(new Uint32Array(size), columns.chunk);
  columns.keyStart = copyInto(new Int32Array(size), columns.keyStart);
  columns.keyEnd = copyInto(new Int32Array(size), columns.keyEnd);
  columns.valueStart = copyInto(new Int32Array(size), columns.valueStart);
  columns.valueEnd = copyInto(new Int32Array(size), columns.valueEnd);
  columns.headersStart = copyInto(new Int32Array(size), columns.headersStart);
  columns.headerCount = copyInto(new Int32Array(size), columns.headerCount);
}

/** Null: the record has no key. A view, not a copy. */
export function keyOf(columns: RecordColumns, row: number): Uint8Array | null {
  return rangeOf(columns, row, columns.keyStart[row]!, columns.keyEnd[row]!);
}
/** Null: a tombstone. A view, not a copy. */
export function valueOf(columns: RecordColumns, row: number): Uint8Array | null {
  return rangeOf(columns, row, columns.valueStart[row]!, columns.valueEnd[row]!);
}

/** A header without a value has an empty one, as `NewKafkaRecord` cannot tell them apart. */
export function headersOf(columns: RecordColumns, row: number): (readonly [string, Uint8Array])[] {
  const bytes = columns.chunks[columns.chunk[row]!]!;
  return headersAt(bytes, columns.headersStart[row]!, columns.headerCount[row]!, columns.offsets[row]!);
}

/** The same from what the columns say of them: `count` headers from `start` on, of the record at `offset`. */
export function headersAt(
  bytes: Uint8Array,
  start: number,
  count: number,
  offset: number,
): (readonly [string, Uint8Array])[] {
  const headers: (readonly [string, Uint8Array])[] = [];
  setPlace(start);
  for (let i = 0; i < count; i++) {
    const name = lengthPrefixed(bytes, offset);
    headers.push([Buffer.from(name).toString(), lengthPrefixed(bytes, offset)]);
  }
  return headers;
}

function lengthPrefixed(bytes: Uint8Array, offset: number): Uint8Array {
  const length = readVarint(bytes);
  const start = placeAfter();
  if (!(length >= -1 && start + length <= bytes.length))
    throw new CorruptionError(`The headers of the record at offset ${offset} are damaged: a length is ${length}.`, {
      offset,
    });
  const end = start + Math.max(length, 0);
  setPlace(end);
  return bytes.subarray(start, end);
}

function rangeOf(columns: RecordColumns, row: number, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : columns.chunks[columns.chunk[row]!]!.subarray(start, end);
}

function copyInto<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
