/**
 * Staged log records. Per record, little-endian:
 *
 *     u32 length of the rest | u8 version and flags | f64 timestamp | u16 + topic | [u32 + key] | [u32 + value] | [u16 count, (u16 + name, u32 + value)*]
 *
 * Flags: 1 key, 2 value, 4 headers; the version is in the upper half. Records are found in the byte stream, not in the chunks.
 */
import { InvariantError } from '../../model/errors.ts';
import type { NewLogRecord } from '../../ports/log.ts';

export interface TopicRecord extends NewLogRecord {
  readonly topic: string;
}

const VERSION = 1 << 4;
const SCRATCH_BYTES = 256 * 1024;

/** Records as frames in chunks; one scratch buffer is written over and over. */
export class RecordFrames {
  #scratch = Buffer.allocUnsafeSlow(16 * 1024);
  #at = 0;
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  records = 0;

  get bytes(): number {
    return this.#chunkBytes + this.#at;
  }

  add(record: TopicRecord): void {
    const { key, value, headers = [] } = record;
    const topic = Buffer.from(record.topic);
    const names = headers.map(([name]) => Buffer.from(name));
    let size =
      15 +
      topic.length +
      (key === null ? 0 : 4 + key.length) +
      (value === null ? 0 : 4 + value.length) +
      (headers.length > 0 ? 2 : 0);
    headers.forEach(([, bytes], i) => (size += 6 + names[i]!.length + bytes.length));
    this.#makeRoom(size);
    const b = this.#scratch;
    let p = b.writeUInt32LE(size - 4, this.#at);
    p = b.writeUInt8(VERSION | (key === null ? 0 : 1) | (value === null ? 0 : 2) | (headers.length > 0 ? 4 : 0), p);
    p = b.writeDoubleLE(record.timestamp, p);
    p = put(b, b.writeUInt16LE(topic.length, p), topic);
    if (key !== null) p = put(b, b.writeUInt32LE(key.length, p), key);
    if (value !== null) p = put(b, b.writeUInt32LE(value.length, p), value);
    if (headers.length > 0) {
      p = b.writeUInt16LE(headers.length, p);
      headers.forEach(([, bytes], i) => {
        p = put(b, b.writeUInt16LE(names[i]!.length, p), names[i]!);
        p = put(b, b.writeUInt32LE(bytes.length, p), bytes);
      });
    }
    this.#at = p;
    this.records++;
  }

  take(): Uint8Array[] {
    this.#flush();
    const chunks = this.#chunks;
    this.clear();
    return chunks;
  }

  clear(): void {
    this.#chunks = [];
    this.#chunkBytes = this.#at = this.records = 0;
  }

  #makeRoom(size: number): void {
    if (this.#at + size <= this.#scratch.length) return;
    this.#flush();
    if (size > this.#scratch.length || this.#scratch.length < SCRATCH_BYTES)
      this.#scratch = Buffer.allocUnsafeSlow(Math.max(size, SCRATCH_BYTES));
  }

  #flush(): void {
    if (this.#at === 0) return;
    this.#chunks.push(new Uint8Array(this.#scratch.subarray(0, this.#at)));
    this.#chunkBytes += this.#at;
    this.#at = 0;
  }
}

/** The records of staged chunks, in order. */
export function readRecords(chunks: readonly Uint8Array[]): TopicRecord[] {
  const b = Buffer.concat(chunks);
  const records: TopicRecord[] = [];
  let p = 0;
  const take = (length: number): Buffer => {
    p += length;
    if (p > b.length) throw new InvariantError('staged log output ends inside a record');
    return b.subarray(p - length, p);
  };
  const u16 = (): number => take(2).readUInt16LE();
  const u32 = (): number => take(4).readUInt32LE();
  while (p < b.length) {
    const end = u32() + p;
    const flags = take(1)[0]!;
    if ((flags & 0xf0) !== VERSION)
      throw new InvariantError(`staged log output has version ${flags >> 4}, expected ${VERSION >> 4}`);
    const timestamp = take(8).readDoubleLE();
    const topic = take(u16()).toString();
    const key = (flags & 1) === 0 ? null : take(u32());
    const value = (flags & 2) === 0 ? null : take(u32());
    const headers: (readonly [string, Uint8Array])[] = [];
    for (let n = (flags & 4) === 0 ? 0 : u16(); n > 0; n--) {
      const name = take(u16()).toString();
      headers.push([name, take(u32())]);
    }
    if (p !== end) throw new InvariantError('staged log output: a record is not as long as it says');
    records.push({ topic, timestamp, key, value, headers });
  }
  return records;
}

function put(b: Buffer, p: number, bytes: Uint8Array): number {
  b.set(bytes, p);
  return p + bytes.length;
}
