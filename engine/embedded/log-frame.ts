/**
 * How records lie in a log segment: frames of some records each, back to back. Little-endian:
 *
 *   frame:  0 magic "MRF1" (1 = format version) | 4 frame length | 8 crc32 | 12 record count | 16 first offset (f64) |
 *           24 highest timestamp (f64) | records
 *   record: timestamp (f64) | key length | value length (-1: null) | header count | key | value | headers
 *   header: name length | value length | name (UTF-8) | value
 *
 * 1. The checksum is seeded with the length and covers everything after itself.
 * 2. Offsets in a frame are dense, and the next frame goes on where it ends.
 * One checksum a frame and not a record: a crc32 call costs more than a short record's bytes.
 */
import { crc32 } from 'node:zlib';
import type { LogRecord, NewLogRecord } from '../ports/log.ts';

export const FRAME_HEADER_BYTES = 32;
export const FRAME_MAGIC = 0x3146524d; // "MRF1"
/** A frame is closed at this size; a longer record has a frame of its own. */
const FRAME_BYTES = 64 * 1024;
const RECORD_HEADER_BYTES = 20;

export interface FrameMark {
  /** Byte position in the segment (or in the encoded bytes). */
  readonly position: number;
  readonly length: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly maxTimestamp: number;
}

export interface EncodedFrames {
  readonly bytes: Buffer;
  readonly frames: readonly FrameMark[];
}

export function encodeFrames(records: readonly NewLogRecord[], baseOffset: number): EncodedFrames {
  let total = 0;
  const cuts: number[] = [];
  const sizes: number[] = [];
  let open = 0;
  for (let i = 0; i < records.length; i++) {
    const size = recordBytes(records[i]!);
    if (open > 0 && open + size > FRAME_BYTES) {
      cuts.push(i);
      sizes.push(open);
      total += open;
      open = 0;
    }
    open += size + (open === 0 ? FRAME_HEADER_BYTES : 0);
  }
  if (open > 0) {
    cuts.push(records.length);
    sizes.push(open);
    total += open;
  }
  const bytes = Buffer.allocUnsafeSlow(total);
  const frames: FrameMark[] = [];
  let position = 0;
  let first = 0;
  for (let f = 0; f < cuts.length; f++) {
    const mark = writeFrame(bytes, position, sizes[f]!, records, first, cuts[f]!, baseOffset + first);
    frames.push(mark);
    position += mark.length;
    first = cuts[f]!;
  }
  return { bytes, frames };
}

/** A whole, undamaged frame at `position`; 'partial' if `bytes` end within it; 'damaged' otherwise. */
export function frameAt(bytes: Buffer, position: number): FrameMark | 'partial' | 'damaged' {
  if (bytes.length - position < FRAME_HEADER_BYTES) return 'partial';
  if (bytes.readUInt32LE(position) !== FRAME_MAGIC) return 'damaged';
  const length = bytes.readUInt32LE(position + 4);
  if (length < FRAME_HEADER_BYTES) return 'damaged';
  if (position + length > bytes.length) return 'partial';
  if (crc32(bytes.subarray(position + 12, position + length), length) !== bytes.readUInt32LE(position + 8))
    return 'damaged';
  return {
    position,
    length,
    baseOffset: bytes.readDoubleLE(position + 16),
    count: bytes.readUInt32LE(position + 12),
    maxTimestamp: bytes.readDoubleLE(position + 24),
  };
}

/**
 * Adds the frame's records with offsets in [from, to) to `out` until their bytes reach `maxBytes` (one record at least).
 * Returns the bytes added. Keys and values point into `bytes`.
 */
export function decodeFrame(
  bytes: Buffer,
  frame: FrameMark,
  from: number,
  to: number,
  maxBytes: number,
  out: LogRecord[],
): number {
  let p = frame.position + FRAME_HEADER_BYTES;
  let added = 0;
  const end = Math.min(to, frame.baseOffset + frame.count);
  for (let offset = frame.baseOffset; offset < end; offset++) {
    const start = p;
    const timestamp = bytes.readDoubleLE(p);
    const keyLength = bytes.readInt32LE(p + 8);
    const valueLength = bytes.readInt32LE(p + 12);
    const headerCount = bytes.readUInt32LE(p + 16);
    p += RECORD_HEADER_BYTES;
    const key = keyLength < 0 ? null : bytes.subarray(p, (p += keyLength));
    const value = valueLength < 0 ? null : bytes.subarray(p, (p += valueLength));
    let headers: (readonly [string, Uint8Array])[] = NO_HEADERS;
    if (headerCount > 0) {
      headers = [];
      for (let i = 0; i < headerCount; i++) {
        const nameEnd = p + 8 + bytes.readUInt32LE(p);
        const valueEnd = nameEnd + bytes.readUInt32LE(p + 4);
        headers.push([bytes.toString('utf8', p + 8, nameEnd), bytes.subarray(nameEnd, valueEnd)]);
        p = valueEnd;
      }
    }
    if (offset < from) continue;
    if (out.length > 0 && added + (p - start) > maxBytes) return added;
    out.push({ offset, timestamp, key, value, headers });
    added += p - start;
  }
  return added;
}

const NO_HEADERS: (readonly [string, Uint8Array])[] = [];

function recordBytes(record: NewLogRecord): number {
  let size = RECORD_HEADER_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  if (record.headers !== undefined)
    for (const [name, value] of record.headers) size += 8 + Buffer.byteLength(name) + value.length;
  return size;
}

function writeFrame(
  bytes: Buffer,
  position: number,
  length: number,
  records: readonly NewLogRecord[],
  first: number,
  end: number,
  baseOffset: number,
): FrameMark {
  let p = position + FRAME_HEADER_BYTES;
  let maxTimestamp = Number.NEGATIVE_INFINITY;
  for (let i = first; i < end; i++) {
    const { timestamp, key, value, headers } = records[i]!;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    bytes.writeDoubleLE(timestamp, p);
    bytes.writeInt32LE(key === null ? -1 : key.length, p + 8);
    bytes.writeInt32LE(value === null ? -1 : value.length, p + 12);
    bytes.writeUInt32LE(headers?.length ?? 0, p + 16);
    p += RECORD_HEADER_BYTES;
    if (key !== null) {
      bytes.set(key, p);
      p += key.length;
    }
    if (value !== null) {
      bytes.set(value, p);
      p += value.length;
    }
    if (headers === undefined) continue;
    for (const [name, content] of headers) {
      const nameLength = bytes.write(name, p + 8);
      bytes.writeUInt32LE(nameLength, p);
      bytes.writeUInt32LE(content.length, p + 4);
      bytes.set(content, p + 8 + nameLength);
      p += 8 + nameLength + content.length;
    }
  }
  const count = end - first;
  bytes.writeUInt32LE(FRAME_MAGIC, position);
  bytes.writeUInt32LE(length, position + 4);
  bytes.writeUInt32LE(count, position + 12);
  bytes.writeDoubleLE(baseOffset, position + 16);
  bytes.writeDoubleLE(maxTimestamp, position + 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(position + 12, position + length), length), position + 8);
  return { position, length, baseOffset, count, maxTimestamp };
}
