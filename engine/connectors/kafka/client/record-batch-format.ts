/**
 * Kafka's record batch, message format v2 (KIP-98):
 *
 *     batch  => base_offset INT64 · length INT32 · leader_epoch INT32 · magic INT8 (2) · crc UINT32 · attributes INT16 · last_offset_delta INT32
 *               · base_timestamp INT64 · max_timestamp INT64 · producer_id INT64 · producer_epoch INT16 · base_sequence INT32 · count INT32 · records
 *     record => length VARINT · attributes INT8 · timestamp_delta VARLONG · offset_delta VARINT · key_length VARINT · key · value_length VARINT
 *               · value · header_count VARINT · headers
 *     header => key_length VARINT · key · value_length VARINT · value
 *
 * `length` counts from leader_epoch, the checksum (CRC-32C) covers everything from attributes. Records, with their headers, are compressed as a
 * whole. Variable-length integers are zigzag; a length of −1 is null. Attributes: bits 0–2 compression, 3 append time, 4 transactional,
 * 5 control, 6 delete horizon in base_timestamp (deltas count from it).
 */
import type { Compression } from './kafka-client.ts';

export const BASE_OFFSET = 0;
export const LENGTH = 8;
export const LEADER_EPOCH = 12;
export const MAGIC = 16;
export const CRC = 17;
export const ATTRIBUTES = 21;
export const LAST_OFFSET_DELTA = 23;
export const BASE_TIMESTAMP = 27;
export const MAX_TIMESTAMP = 35;
export const PRODUCER_ID = 43;
export const PRODUCER_EPOCH = 51;
export const BASE_SEQUENCE = 53;
export const COUNT = 57;
export const RECORDS = 61;

/** What `length` does not count. */
export const LENGTH_STARTS = LEADER_EPOCH;
export const MAGIC_V2 = 2;

export const COMPRESSION_BITS = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

/** By their number in `attributes`. */
export const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** The smallest record: each field in one byte. */
export const MIN_RECORD_BYTES = 7;
