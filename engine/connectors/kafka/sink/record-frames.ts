/**
 * Staged Kafka records, little-endian. Topics are named once a stage, before their first record:
 *
 *     u32 length of the rest | u8 TOPIC  | u16 number | name
 *     u32 length of the rest | u8 RECORD | u8 flags | u16 topic | i32 partition, −1: by key | f64 timestamp
 *                            | [u32 + key] | [u32 + value] | [u16 count, (u16 + name, u32 + value)*]
 *
 * Flags: 1 key, 2 value, 4 headers. Frames are found in the byte stream, not in the chunks; another format takes other kind bytes.
 */
import { CorruptionError } from '../../../model/errors.ts';
import type { NewKafkaRecord } from '../client/kafka-client.ts';
import type { Content, Headers } from './serialization.ts';

const TOPIC = 0x11;
const RECORD = 0x12;
const HAS_KEY = 1;
const HAS_VALUE = 2;
const HAS_HEADERS = 4;
/** Before the key: length, kind, flags, topic, partition, timestamp. */
const FIXED_BYTES = 20;
const SCRATCH_BYTES = 256 * 1024;
const NO_HEADERS: NewKafkaRecord['headers'] = [];

export interface FramedRecord {
  readonly topic: string;
  /** −1: by key, or spread. */
  readonly partition: number;
  readonly record: NewKafkaRecord;
  /** About what it takes in a batch. */
  readonly bytes: number;
}

/** Writes frames into chunks; one scratch buffer is written over and over. */
export class RecordFrames {
  private scratch = Buffer.allocUnsafeSlow(16 * 1024);
  private at = 0;
  private chunks: Uint8Array[] = [];
  private chunkBytes = 0;
  private readonly topics = new Map<string, number>();
  records = 0;

  get bytes(): number {
    return this.chunkBytes + this.at;
  }

  /** Answers the record's size; nothing is added if it is above `maxBytes`. */
  add(
    topic: string,
    partition: number,
    timestamp: number,
    key: Content | null,
    value: Content | null,
    headers: Headers | null,
    maxBytes: number,
  ): number {
    const number = this.topics.get(topic) ?? this.nameTopic(topic);
    const pairs = headers === null ? null : pairsOf(headers);
    this.makeRoom(FIXED_BYTES + roomFor(key) + roomFor(value) + roomForHeaders(pairs));
    const b = this.scratch;
    const start = this.at;
    let p = start + FIXED_BYTES;
    if (key !== null) p = putSized(b, p, key);
    if (value !== null) p = putSized(b, p, value);
    if (pairs !== null && pairs.length > 0) {
      p = b.writeUInt16LE(pairs.length, p);
      for (const [name, content] of pairs) {
        const length = b.write(name, p + 2);
        b.writeUInt16LE(length, p);
        p = putSized(b, p + 2 + length, content);
      }
    }
    const size = p - start;
    if (size > maxBytes) return size;
    const hasHeaders = pairs !== null && pairs.length > 0;
    b.writeUInt32LE(size - 4, start);
    b[start + 4] = RECORD;
    b[start + 5] = (key === null ? 0 : HAS_KEY) | (value === null ? 0 : HAS_VALUE) | (hasHeaders ? HAS_HEADERS : 0);
    b.writeUInt16LE(number, start + 6);
    b.writeInt32LE(partition, start + 8);
    b.writeDoubleLE(timestamp, start + 12);
    this.at = p;
    this.records++;
    return size;
  }

  take(): Uint8Array[] {
    const { chunks } = this;
    if (this.records === 0) {
      this.clear();
      return [];
    }
    this.flush();
    this.clear();
    return chunks;
  }

  clear(): void {
    this.chunks = [];
    this.chunkBytes = this.at = this.records = 0;
    this.topics.clear();
  }

  private nameTopic(topic: string): number {
    const number = this.topics.size;
    this.makeRoom(7 + topic.length * 3);
    const length = this.scratch.write(topic, this.at + 7);
    this.scratch.writeUInt32LE(3 + length, this.at);
    this.scratch[this.at + 4] = TOPIC;
    this.scratch.writeUInt16LE(number, this.at + 5);
    this.at += 7 + length;
    this.topics.set(topic, number);
    return number;
  }

  private makeRoom(size: number): void {
    if (this.at + size <= this.scratch.length) return;
    this.flush();
    if (size > this.scratch.length || this.scratch.length < SCRATCH_BYTES)
      this.scratch = Buffer.allocUnsafeSlow(Math.max(size, SCRATCH_BYTES));
  }

  private flush(): void {
    if (this.at === 0) return;
    this.chunks.push(new Uint8Array(this.scratch.subarray(0, this.at)));
    this.chunkBytes += this.at;
    this.at = 0;
  }
}

/** What a publisher reads: the chunks of all stages of a slot, in order. */
export class StagedFrames {
  private readonly bytes: Buffer;

  constructor(chunks: readonly Uint8Array[]) {
    this.bytes = chunks.length === 1 ? bufferOf(chunks[0]!) : Buffer.concat(chunks);
  }

  topics(): ReadonlySet<string> {
    const topics = new Set<string>();
    this.walk((kind, start, end) => {
      if (kind === TOPIC) topics.add(this.topicAt(start, end));
    });
    return topics;
  }

  /** Keys and values point into the chunks. */
  each(use: (framed: FramedRecord) => void): void {
    const topics: string[] = [];
    this.walk((kind, start, end) => {
      if (kind === RECORD) use(readRecord(this.bytes, start, end, topics));
      else topics[this.bytes.readUInt16LE(start + 5)] = this.topicAt(start, end);
    });
  }

  private topicAt(start: number, end: number): string {
    return this.bytes.toString('utf8', start + 7, end);
  }

  private walk(use: (kind: number, start: number, end: number) => void): void {
    const b = this.bytes;
    for (let p = 0; p < b.length;) {
      const end = p + 4 <= b.length ? p + 4 + b.readUInt32LE(p) : Infinity;
      if (end > b.length) throw torn('it ends inside a record');
      const kind = b[p + 4]!;
      if (kind !== TOPIC && kind !== RECORD)
        throw torn(`it holds frames of kind ${kind}, which this version of Millrace does not know`);
      use(kind, p, end);
      p = end;
    }
  }
}

function readRecord(b: Buffer, start: number, end: number, topics: readonly string[]): FramedRecord {
  const flags = b[start + 5]!;
  const topic = topics[b.readUInt16LE(start + 6)];
  if (topic === undefined) throw torn('a record has a topic that was not named');
  let p = start + FIXED_BYTES;
  const sized = (): Uint8Array => {
    const from = p + 4;
    p = from + b.readUInt32LE(p);
    return b.subarray(from, p);
  };
  const key = (flags & HAS_KEY) === 0 ? null : sized();
  const value = (flags & HAS_VALUE) === 0 ? null : sized();
  let headers = NO_HEADERS;
  if ((flags & HAS_HEADERS) !== 0) {
    const count = b.readUInt16LE(p);
    p += 2;
    headers = Array.from({ length: count }, () => {
      const length = b.readUInt16LE(p);
      const name = b.toString('utf8', p + 2, p + 2 + length);
      p += 2 + length;
      return [name, sized()] as const;
    });
  }
  if (p !== end) throw torn('a record is not as long as it says');
  const record = { timestamp: b.readDoubleLE(start + 12), key, value, headers };
  return { topic, partition: b.readInt32LE(start + 8), record, bytes: end - start };
}

const torn = (what: string): CorruptionError =>
  new CorruptionError(`staged Kafka output cannot be read: ${what}. Nothing of it was published.`);

function pairsOf(headers: Headers): readonly (readonly [string, Content])[] {
  return Array.isArray(headers)
    ? (headers as readonly (readonly [string, Content])[])
    : Object.entries(headers as Readonly<Record<string, Content>>);
}

/** At most: UTF-8 takes up to three bytes a UTF-16 unit. */
const roomFor = (content: Content | null): number =>
  content === null ? 0 : 4 + (typeof content === 'string' ? content.length * 3 : content.length);

function roomForHeaders(pairs: readonly (readonly [string, Content])[] | null): number {
  if (pairs === null) return 0;
  let room = 2;
  for (const [name, content] of pairs) room += 2 + name.length * 3 + roomFor(content);
  return room;
}

function putSized(b: Buffer, p: number, content: Content): number {
  let length: number;
  if (typeof content === 'string') length = b.write(content, p + 4);
  else {
    b.set(content, p + 4);
    ({ length } = content);
  }
  b.writeUInt32LE(length, p);
  return p + 4 + length;
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
