/**
 * Plans, acks, manifests and folds as they are stored: JSON, and compressed where that saves a KB. A record repeats names and positions a
 * thousand times over: the plan of 2,000 splits and 2,560 segments is 1 MB of JSON and 28 KB like this (decision 10).
 *
 *   '{' … : JSON in UTF-8
 *   'MRZ' 1 | a zstd frame of that JSON, with its checksum
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeRecord, encodeRecord, type Formatted } from '../checkpoint/codec.ts';
import { CorruptionError } from '../model/errors.ts';

/** DynamoDB bills writes and deletions of items by the KB, with the item's key and what else stands beside the record. */
export const BILLED_BYTES = 1024;
export const ITEM_BYTES = 160;
const MAGIC = Buffer.from('MRZ\u0001', 'latin1');
const PARAMS = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

export function packRecord(record: Formatted): Uint8Array {
  const bytes = encodeRecord(record);
  if (billedKb(bytes.length) === 1) return bytes;
  const packed = Buffer.concat([MAGIC, zstdCompressSync(bytes, PARAMS)]);
  return billedKb(packed.length) < billedKb(bytes.length) ? packed : bytes;
}

/** What an item of so many bytes counts for. */
export const billedKb = (bytes: number): number => Math.ceil((bytes + ITEM_BYTES) / BILLED_BYTES);

/** `what` names the record in errors, e.g. "plan plan/0001-0002". */
export function unpackRecord<R extends Formatted>(bytes: Uint8Array, what: string): R {
  if (bytes[0] !== MAGIC[0]) return decodeRecord<R>(bytes, what);
  const version = bytes[3];
  if (version !== MAGIC[3] || !MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new CorruptionError(
      `${what} is packed in a way (${String(version)}) that this version of Millrace does not know. Use a newer version.`,
      { what },
    );
  }
  let json: Uint8Array;
  try {
    json = zstdDecompressSync(bytes.subarray(MAGIC.length));
  } catch (cause) {
    throw new CorruptionError(
      `${what} is not a readable record (${bytes.length} bytes). Restore the state from a copy.`,
      { what },
      cause,
    );
  }
  return decodeRecord<R>(json, what);
}
