/** Records to one record batch (`record-batch-format.ts`), as a producer sends it: offsets count from 0, the broker sets the real ones. */
import { invariant } from '../../../model/errors.ts';
import type { Codec } from './compression.ts';
import { crc32c } from './crc32c.ts';
import type { Compression, NewKafkaRecord } from './kafka-client.ts';
import {
  ATTRIBUTES,
  BASE_SEQUENCE,
  BASE_TIMESTAMP,
  COMPRESSIONS,
  COUNT,
  CRC,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  LENGTH,
  LENGTH_STARTS,
  MAGIC,
  MAGIC_V2,
  MAX_TIMESTAMP,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  RECORDS,
  TRANSACTIONAL,
} from './record-batch-format.ts';
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts';

/** Whose batch it is; −1, −1, −1: nobody's (neither idempotent nor transactional). */
export interface BatchProducer {
  readonly id: number;
  readonly epoch: number;
  /** Of the batch's first record. */
  readonly sequence: number;
  readonly transactional: boolean;
}

/** Records [from, to), at least one. */
export function encodeRecordBatch(
  records: readonly NewKafkaRecord[],
  from: number,
  to: number,
  producer: BatchProducer,
  compression: Compression,
  codec: Codec,
): Uint8Array {
  invariant(to > from, 'a record batch has at least one record');
  const baseTimestamp = records[from]!.timestamp;
  const plain = writeRecords(records, from, to, baseTimestamp);
  const batch = compression === 'none' ? plain : compressed(plain, codec);
  writeHeader(batch, records, from, to, producer, COMPRESSIONS.indexOf(compression));
  return batch;
}

/** Upper bound of what a record takes in a batch, before compression. */
export function recordBytesBound(record: NewKafkaRecord): number {
  let bytes = 5 + 1 + 10 + 5 + 5 + 5 + 5 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) bytes += 10 + 3 * name.length + value.length;
  return bytes;
}

function writeRecords(records: readonly NewKafkaRecord[], from: number, to: number, baseTimestamp: number): Uint8Array {
  let bound = RECORDS;
  for (let i = from; i < to; i++) bound += recordBytesBound(records[i]!);
  const bytes = Buffer.allocUnsafe(bound);
  let at = RECORDS;
  for (let i = from; i < to; i++) at = writeRecord(bytes, at, records[i]!, i - from, baseTimestamp);
  return bytes.subarray(0, at);
}

function writeRecord(
  bytes: Buffer,
  start: number,
  record: NewKafkaRecord,
  delta: number,
  baseTimestamp: number,
): number {
  const { key, value, headers } = record;
  const timestampDelta = record.timestamp - baseTimestamp;
  const keyLength = key === null ? -1 : key.length;
  const valueLength = value === null ? -1 : value.length;
  let size = 1 + varlongBytes(timestampDelta) + varintBytes(delta) + varintBytes(keyLength) + varintBytes(valueLength);
  size += Math.max(keyLength, 0) + Math.max(valueLength, 0) + varintBytes(headers.length) + headersSize(headers);
  let at = writeVarint(bytes, start, size);
  bytes[at++] = 0;
  at = writeVarlong(bytes, at, timestampDelta);
  at = writeVarint(bytes, at, delta);
  at = writeVarint(bytes, at, keyLength);
  if (key !== null) {
    bytes.set(key, at);
    at += keyLength;
  }
  at = writeVarint(bytes, at, valueLength);
  if (value !== null) {
    bytes.set(value, at);
    at += valueLength;
  }
  at = writeVarint(bytes, at, headers.length);
  for (const [name, content] of headers) {
    at = writeVarint(bytes, at, Buffer.byteLength(name));
    at += bytes.write(name, at);
    at = writeVarint(bytes, at, content.length);
    bytes.set(content, at);
    at += content.length;
  }
  return at;
}

function headersSize(headers: NewKafkaRecord['headers']): number {
  let size = 0;
  for (const [name, content] of headers) {
    const nameLength = Buffer.byteLength(name);
    size += varintBytes(nameLength) + nameLength + varintBytes(content.length) + content.length;
  }
  return size;
}

function compressed(plain: Uint8Array, codec: Codec): Uint8Array {
  const records = codec.compress(plain.subarray(RECORDS));
  const batch = Buffer.allocUnsafe(RECORDS + records.length);
  batch.set(records, RECORDS);
  return batch;
}

function writeHeader(
  batch: Uint8Array,
  records: readonly NewKafkaRecord[],
  from: number,
  to: number,
  producer: BatchProducer,
  compression: number,
): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  let maxTimestamp = -1;
  for (let i = from; i < to; i++) maxTimestamp = Math.max(maxTimestamp, records[i]!.timestamp);
  view.setBigInt64(0, 0n);
  view.setInt32(LENGTH, batch.length - LENGTH_STARTS);
  view.setInt32(LEADER_EPOCH, -1);
  view.setInt8(MAGIC, MAGIC_V2);
  view.setInt16(ATTRIBUTES, compression | (producer.transactional ? TRANSACTIONAL : 0));
  view.setInt32(LAST_OFFSET_DELTA, to - from - 1);
  view.setBigInt64(BASE_TIMESTAMP, BigInt(records[from]!.timestamp));
  view.setBigInt64(MAX_TIMESTAMP, BigInt(maxTimestamp));
  view.setBigInt64(PRODUCER_ID, BigInt(producer.id));
  view.setInt16(PRODUCER_EPOCH, producer.epoch);
  view.setInt32(BASE_SEQUENCE, producer.sequence);
  view.setInt32(COUNT, to - from);
  view.setUint32(CRC, crc32c(batch, ATTRIBUTES, batch.length));
}
