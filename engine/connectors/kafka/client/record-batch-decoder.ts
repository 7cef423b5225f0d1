/**
 * Record sets to columns (`record-set.ts`): no object a record, one set of columns for all sets. Checksums are verified before anything is
 * believed, and lengths must fit exactly. The first batch of a set is always whole, so that every call gets on or throws.
 */
import { ConfigError, CorruptionError, messageOf } from '../../../model/errors.ts';
import { AbortedProducers } from './aborted-producers.ts';
import { loadCodec, loadedCodec } from './compression.ts';
import { crc32c } from './crc32c.ts';
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_TIMESTAMP,
  COMPRESSION_BITS,
  COMPRESSIONS,
  CONTROL,
  COUNT,
  CRC,
  LAST_OFFSET_DELTA,
  LENGTH,
  LENGTH_STARTS,
  LOG_APPEND_TIME,
  MAGIC,
  MAGIC_V2,
  MAX_TIMESTAMP,
  MIN_RECORD_BYTES,
  PRODUCER_ID,
  RECORDS,
  TRANSACTIONAL,
} from './record-batch-format.ts';
import { growColumns, newColumns } from './record-columns.ts';
import type { RecordColumns, RecordSet } from './record-set.ts';
import { placeAfter, readVarint, readVarlong, setPlace } from './varint.ts';

interface Batch {
  /** Position in the set. */
  readonly at: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly producerId: number;
  readonly count: number;
}

/**
 * Batches of one call after so many decompressed bytes are left for the next: a set of a megabyte may hold gigabytes, and each split has one. Beyond
 * what is left unread the answer is fetched again.
 */
const DECOMPRESSED_BYTES = 32 * 1024 * 1024;

export class RecordDecoder {
  readonly #columns = newColumns();
  readonly #where: Readonly<Record<string, unknown>>;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #set: RecordSet = { bytes: new Uint8Array(), aborted: null };
  #decompressed = 0;

  /** `where` (topic, partition …) goes into errors. */
  constructor(where: Readonly<Record<string, unknown>>) {
    this.#where = where;
  }

  /** Records at `from` and after it. The columns are the decoder's own: good until the next call. */
  async decode(set: RecordSet, from: number): Promise<RecordColumns> {
    const { bytes } = set;
    this.#set = set;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const columns = this.#columns;
    columns.n = 0;
    columns.chunks.length = 0;
    columns.chunks.push(bytes);
    columns.nextOffset = from;
    const batches = this.#batches();
    for (const { attributes } of batches) {
      const compression = COMPRESSIONS[attributes & COMPRESSION_BITS]!;
      if (loadedCodec(compression) === undefined) await loadCodec(compression);
    }
    const aborted = set.aborted === null || set.aborted.length === 0 ? null : new AbortedProducers(set.aborted);
    this.#decompressed = 0;
    for (const batch of batches) {
      if (this.#decompressed >= DECOMPRESSED_BYTES) break;
      this.#decodeBatch(batch, from, aborted);
    }
    return columns;
  }

  /** The whole batches of the set, verified. */
  #batches(): readonly Batch[] {
    const batches: Batch[] = [];
    const size = this.#view.byteLength;
    for (let at = 0; size - at > LENGTH_STARTS;) {
      const end = at + LENGTH_STARTS + this.#view.getInt32(at + LENGTH);
      if (end <= at + MAGIC) throw this.#corrupt(at, 'its length is too small');
      if (size > at + MAGIC) this.#checkMagic(at);
      if (end > size) break;
      const batch = this.#header(at, end);
      if (batches.length > 0 && batch.baseOffset <= batches.at(-1)!.lastOffset)
        throw this.#corrupt(at, 'its offsets do not follow those before it');
      batches.push(batch);
      at = end;
    }
    if (batches.length === 0 && size > 0) throw this.#corrupt(0, 'it is cut off');
    return batches;
  }

  #checkMagic(at: number): void {
    const magic = this.#view.getInt8(at + MAGIC);
    if (magic === MAGIC_V2) return;
    if (magic !== 0 && magic !== 1) throw this.#corrupt(at, `its format ${magic} is not known`);
    throw new ConfigError(
      `${this.#place(at)} is in message format v${magic}, of Kafka before 0.11, which is not read. Let the broker rewrite the topic: copy it into one with log.message.format.version 2.0 or later.`,
      this.#where,
    );
  }

  #header(at: number, end: number): Batch {
    const view = this.#view;
    if (end - at < RECORDS) throw this.#corrupt(at, 'it is shorter than its header');
    const crc = view.getUint32(at + CRC);
    const computed = crc32c(this.#set.bytes, at + ATTRIBUTES, end);
    if (crc !== computed) throw this.#corrupt(at, `its checksum is ${crc}, but that of its bytes ${computed}`);
    const baseOffset = int64(view, at + BASE_OFFSET);
    const lastOffset = baseOffset + view.getInt32(at + LAST_OFFSET_DELTA);
    const attributes = view.getInt16(at + ATTRIBUTES);
    const count = view.getInt32(at + COUNT);
    if (baseOffset < 0 || lastOffset < baseOffset || count < 0) throw this.#corrupt(at, 'its offsets make no sense');
    if (COMPRESSIONS[attributes & COMPRESSION_BITS] === undefined)
      throw this.#corrupt(at, `its compression ${attributes & COMPRESSION_BITS} is not known`);
    return { at, end, baseOffset, lastOffset, attributes, count, producerId: int64(view, at + PRODUCER_ID) };
  }

  #decodeBatch(batch: Batch, from: number, aborted: AbortedProducers | null): void {
    const { attributes, lastOffset, producerId, count } = batch;
    const columns = this.#columns;
    aborted?.reach(lastOffset);
    if ((attributes & CONTROL) !== 0) {
      if (aborted !== null && this.#isAbortMarker(batch)) aborted.ended(producerId);
    } else if (
      count > 0 &&
      lastOffset >= from &&
      !((attributes & TRANSACTIONAL) !== 0 && aborted !== null && aborted.has(producerId))
    ) {
      this.#decodeRecords(batch, from);
    }
    columns.nextOffset = Math.max(columns.nextOffset, lastOffset + 1);
  }

  #decodeRecords(batch: Batch, from: number): void {
    const columns = this.#columns;
    const compression = COMPRESSIONS[batch.attributes & COMPRESSION_BITS]!;
    if (compression === 'none') {
      this.#fill(batch, from, 0, batch.at + RECORDS, batch.end);
      return;
    }
    const compressed = this.#set.bytes.subarray(batch.at + RECORDS, batch.end);
    let records: Uint8Array;
    try {
      records = loadedCodec(compression)!.decompress(compressed);
    } catch (cause) {
      throw this.#corrupt(batch.at, `its records cannot be decompressed (${compression}): ${messageOf(cause)}`, cause);
    }
    this.#decompressed += records.length;
    columns.chunks.push(records);
    this.#fill(batch, from, columns.chunks.length - 1, 0, records.length);
  }

  /** The hot loop: fields are read in place. */
  #fill(batch: Batch, from: number, chunk: number, start: number, end: number): void {
    const { at, baseOffset, lastOffset, count, attributes } = batch;
    if (count > (end - start) / MIN_RECORD_BYTES) throw this.#corrupt(at, `${count} records do not fit into it`);
    const columns = this.#columns;
    const bytes = columns.chunks[chunk]!;
    growColumns(columns, columns.n + count);
    const appendTime = (attributes & LOG_APPEND_TIME) === 0 ? null : int64(this.#view, at + MAX_TIMESTAMP);
    const baseTimestamp = int64(this.#view, at + BASE_TIMESTAMP);
    const { offsets, timestamps, keyStart, keyEnd, valueStart, valueEnd } = columns;
    let n = columns.n;
    let before = baseOffset - 1;
    let position = start;
    for (let i = 0; i < count; i++) {
      setPlace(position);
      const length = readVarint(bytes);
      const recordEnd = placeAfter() + length;
      setPlace(placeAfter() + 1);
      const timestampDelta = readVarlong(bytes);
      const offset = baseOffset + readVarint(bytes);
      const keyLength = readVarint(bytes);
      const keyAt = placeAfter();
      if (keyLength > 0) setPlace(keyAt + keyLength);
      const valueLength = readVarint(bytes);
      const valueAt = placeAfter();
      if (valueLength > 0) setPlace(valueAt + valueLength);
      const headerCount = readVarint(bytes);
      // NaN, from a field beyond the end, fails these as well.
      if (!(recordEnd <= end && placeAfter() <= recordEnd && keyLength >= -1 && valueLength >= -1 && headerCount >= 0))
        throw this.#corrupt(at, `the lengths of its record ${i} do not fit`);
      if (!(offset > before && offset <= lastOffset && timestampDelta === timestampDelta))
        throw this.#corrupt(at, `its record ${i} has the offset ${offset}`);
      before = offset;
      position = recordEnd;
      if (offset < from) continue;
      offsets[n] = offset;
      timestamps[n] = appendTime ?? baseTimestamp + timestampDelta;
      keyStart[n] = keyLength < 0 ? -1 : keyAt;
      keyEnd[n] = keyAt + keyLength;
      valueStart[n] = valueLength < 0 ? -1 : valueAt;
      valueEnd[n] = valueAt + valueLength;
      columns.headersStart[n] = placeAfter();
      columns.headerCount[n] = headerCount;
      columns.chunk[n] = chunk;
      n++;
    }
    if (position !== end) throw this.#corrupt(at, `${end - position} bytes are left behind its records`);
    columns.n = n;
  }

  /** A control record's key: version INT16, type INT16 (0 abort, 1 commit). Control batches are not compressed. */
  #isAbortMarker({ at, end }: Batch): boolean {
    const { bytes } = this.#set;
    setPlace(at + RECORDS);
    readVarint(bytes);
    setPlace(placeAfter() + 1);
    readVarlong(bytes);
    readVarint(bytes);
    const keyLength = readVarint(bytes);
    const keyAt = placeAfter();
    if (!(keyLength >= 4 && keyAt + 4 <= end)) throw this.#corrupt(at, 'its control record has no type');
    return this.#view.getInt16(keyAt + 2) === 0;
  }

  #corrupt(at: number, what: string, cause?: unknown): CorruptionError {
    return new CorruptionError(
      `${this.#place(at)} is damaged: ${what}. Nothing of it is used; look at the broker's disk, and read from an offset beyond it to go on without it.`,
      this.#where,
      cause,
    );
  }
  #place(at: number): string {
    const where = Object.entries(this.#where).map(([name, value]) => `${name} ${String(value)}`);
    const offset = this.#view.byteLength - at >= 8 ? ` at offset ${int64(this.#view, at + BASE_OFFSET)}` : '';
    return `The record batch${offset}${where.length === 0 ? '' : ` of ${where.join(', ')}`}`;
  }
}

function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}
