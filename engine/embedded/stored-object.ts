/**
 * The header of every object on disk (ARCHITECTURE section 11 "objects"), 20 bytes, little-endian:
 *
 *   0 magic "MLRC" | 4 format version | 5 kind | 6 codec (0: none) | 7 zero | 8 payload length, 8 bytes | 16 crc32
 *
 * 1. The checksum covers the object's name, the first 16 bytes of the header and the payload: a damaged, cut, or misplaced
 *    object (another one's file under this name) is never used: CorruptionError naming the file.
 * 2. An object of a newer format is whole but not ours to read: ConfigError. Readers keep every released version.
 */
import { crc32 } from 'node:zlib';
import { ConfigError, CorruptionError } from '../model/errors.ts';

export const OBJECT_HEADER_BYTES = 20;
export type ObjectKind = 'head' | 'item' | 'blob' | 'index';

const MAGIC = 0x43524c4d; // "MLRC"
const FORMAT = 1;
const KIND: Readonly<Record<ObjectKind, number>> = { head: 1, item: 2, blob: 3, index: 4 };

/** The header for a payload of these chunks under this name. */
export function objectHeader(kind: ObjectKind, name: string, chunks: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(OBJECT_HEADER_BYTES);
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  header.writeUInt32LE(MAGIC, 0);
  header[4] = FORMAT;
  header[5] = KIND[kind];
  header.writeUInt32LE(length >>> 0, 8);
  header.writeUInt32LE(Math.floor(length / 2 ** 32), 12);
  let sum = crc32(header.subarray(0, 16), crc32(name));
  for (const chunk of chunks) sum = crc32(chunk, sum);
  header.writeUInt32LE(sum, 16);
  return header;
}

/** The payload of a whole object, checked in full (invariant 1). */
export function objectPayload(kind: ObjectKind, name: string, file: string, bytes: Buffer): Buffer {
  if (bytes.length < OBJECT_HEADER_BYTES) throw damaged(file, `only ${bytes.length} bytes are left of it`);
  const payload = bytes.subarray(OBJECT_HEADER_BYTES);
  const sum = crc32(payload, crc32(bytes.subarray(0, 16), crc32(name)));
  if (sum !== bytes.readUInt32LE(16)) throw damaged(file, 'its checksum does not match');
  checkObjectHeader(kind, file, bytes, bytes.length);
  return payload;
}

/** Magic, kind, format and length, without the payload: what a range read can check. */
export function checkObjectHeader(kind: ObjectKind, file: string, header: Buffer, fileSize: number): void {
  if (header.length < OBJECT_HEADER_BYTES || header.readUInt32LE(0) !== MAGIC || header[5] !== KIND[kind])
    throw damaged(file, `it does not begin as a ${kind} of Millrace`);
  const length = header.readUInt32LE(8) + header.readUInt32LE(12) * 2 ** 32;
  if (length !== fileSize - OBJECT_HEADER_BYTES)
    throw damaged(file, `it should hold ${length} bytes and holds ${fileSize - OBJECT_HEADER_BYTES}`);
  if (header[4] !== FORMAT || header[6] !== 0)
    throw new ConfigError(
      `${file} has format ${header[4]}, codec ${header[6]}; this version of Millrace reads format ${FORMAT}, codec 0. Use the version that wrote it, or a newer one.`,
      { file },
    );
}

function damaged(file: string, how: string): CorruptionError {
  return new CorruptionError(
    `${file} is damaged: ${how}. Restore it from a backup, or the job from a savepoint; Millrace does not use it.`,
    { file },
  );
}
