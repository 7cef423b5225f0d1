/** For tests: records at random, batches at places in a log, and what columns hold, as objects. */
import fc from 'fast-check';
import { type Codec, loadCodec } from './compression.ts';
import { crc32c } from './crc32c.ts';
import type { Compression, NewKafkaRecord } from './kafka-client.ts';
import { type BatchProducer, encodeRecordBatch } from './record-batch-encoder.ts';
import {
  ATTRIBUTES,
  BASE_OFFSET,
  COMPRESSIONS,
  CONTROL,
  CRC,
  LAST_OFFSET_DELTA,
  TRANSACTIONAL,
} from './record-batch-format.ts';
import { headersOf, keyOf, valueOf } from './record-columns.ts';
import type { RecordColumns } from './record-set.ts';

export const NOBODY: BatchProducer = { id: -1, epoch: -1, sequence: -1, transactional: false };

export interface DecodedRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string])[];
}

const content = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 120, maxLength: 140 }));
export const anyRecord: fc.Arbitrary<NewKafkaRecord> = fc.record({
  timestamp: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 50 }),
    fc.constant(-1),
    fc.integer({ min: 1e12, max: 1e12 + 1e4 }),
  ),
  key: fc.option(content),
  value: fc.option(content),
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), content), { maxLength: 3 }),
});
export const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 20 });
export const anyCompression = fc.constantFrom(...COMPRESSIONS);

/** A batch as it lies in the log: at its offset, its checksum right. */
export async function batchAt(
  offset: number,
  records: readonly NewKafkaRecord[],
  compression: Compression = 'none',
  producer: BatchProducer = NOBODY,
): Promise<Uint8Array> {
  const codec: Codec = await loadCodec(compression);
  const batch = encodeRecordBatch(records, 0, records.length, producer, compression, codec);
  viewOf(batch).setBigInt64(BASE_OFFSET, BigInt(offset));
  return batch;
}

/** A transaction's end: one control record, with key version INT16, type INT16. */
export async function markerAt(offset: number, producerId: number, type: 'abort' | 'commit'): Promise<Uint8Array> {
  const key = new Uint8Array([0, 0, 0, type === 'abort' ? 0 : 1]);
  const record = { timestamp: 0, key, value: new Uint8Array(6), headers: [] };
  const producer = { id: producerId, epoch: 0, sequence: -1, transactional: true };
  return rewritten(await batchAt(offset, [record], 'none', producer), (view) =>
    view.setInt16(ATTRIBUTES, CONTROL | TRANSACTIONAL),
  );
}

/** As the log cleaner leaves it: up to a later offset than the records say. */
export function withLastOffsetDelta(batch: Uint8Array, delta: number): Uint8Array {
  return rewritten(batch, (view) => view.setInt32(LAST_OFFSET_DELTA, delta));
}

/** Changes a batch and makes its checksum fit again. */
export function rewritten(batch: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = batch.slice();
  const view = viewOf(copy);
  change(view);
  view.setUint32(CRC, crc32c(copy, ATTRIBUTES, copy.length));
  return copy;
}

export function rowsOf(columns: RecordColumns): DecodedRecord[] {
  return Array.from({ length: columns.n }, (_, row) => ({
    offset: columns.offsets[row]!,
    timestamp: columns.timestamps[row]!,
    key: hexOf(keyOf(columns, row)),
    value: hexOf(valueOf(columns, row)),
    headers: headersOf(columns, row).map(([name, value]) => [name, hexOf(value)!] as const),
  }));
}

/** What a decoder should make of records whose first is at `offset`. */
export function expectedRows(records: readonly NewKafkaRecord[], offset: number): DecodedRecord[] {
  return records.map(({ timestamp, key, value, headers }, i) => ({
    offset: offset + i,
    timestamp,
    key: hexOf(key),
    value: hexOf(value),
    headers: headers.map(([name, bytes]) => [name, hexOf(bytes)!] as const),
  }));
}

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}
function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
