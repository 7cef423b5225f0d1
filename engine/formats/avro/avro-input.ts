/**
 * Avro's binary encoding, read from bytes. Every read checks that the bytes are there, and every count that they could be: a corrupt
 * length costs neither time nor memory. Throws an Error with the reason. Strings and bytes are fresh: nothing points into the input.
 */
import { isAscii } from 'node:buffer';

/** Items that take no bytes (nulls, empty records) are not bounded by the input's length. */
const MAX_EMPTY_ITEMS = 100_000;
const TWO_28 = 2 ** 28;
const TWO_53 = 2 ** 53;

export class AvroInput {
  /** All of the buffer that holds the bytes: records of one chunk share it, so that opening one costs nothing. */
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  pos = 0;
  end = 0;

  /** Reads `bytes` from `from` on. */
  open(bytes: Uint8Array, from: number): this {
    const { buffer, byteOffset } = bytes;
    if (buffer !== this.view.buffer) {
      this.bytes = Buffer.from(buffer);
      this.view = new DataView(buffer);
    }
    this.pos = byteOffset + from;
    this.end = byteOffset + bytes.length;
    return this;
  }

  /** Throws unless everything was read. */
  finish(): void {
    const { pos, end } = this;
    if (pos !== end)
      throw new Error(
        `${end - pos} bytes are left after the record: it was written with another schema, or is corrupt`,
      );
  }

  boolean(): boolean {
    const byte = this.bytes[this.#take(1)]!;
    if (byte > 1) throw new Error(`byte ${byte} is no boolean`);
    return byte === 1;
  }

  int(): number {
    const { bytes, end } = this;
    let pos = this.pos;
    let byte = 0x80;
    let value = 0;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      if (pos >= end) throw truncated();
      byte = bytes[pos++]!;
      if (shift === 28 && byte > 0x0f) throw new Error('an int has more than 32 bits');
      value |= (byte & 0x7f) << shift;
    }
    this.pos = pos;
    return (value >>> 1) ^ -(value & 1);
  }

  /** Throws beyond 2^53 − 1. */
  long(): number {
    const { bytes, end } = this;
    let pos = this.pos;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (pos >= end) throw truncated();
      const byte = bytes[pos++]!;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = pos;
        return (low >>> 1) ^ -(low & 1);
      }
    }
    return this.#longBeyond(low, pos);
  }

  bigLong(): bigint {
    const start = this.pos;
    this.skipLong();
    const { bytes, pos } = this;
    let value = 0n;
    for (let i = pos - 1; i >= start; i--) value = (value << 7n) | BigInt(bytes[i]! & 0x7f);
    return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
  }

  /** Rounded to a double beyond 2^53, as a long read as double is in Java. */
  longAsDouble(): number {
    return Number(this.bigLong());
  }

  float(): number {
    return this.view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.view.getFloat64(this.#take(8), true);
  }

  /** UTF-8; what is none reads as U+FFFD, as in Java. */
  string(): string {
    const length = this.#length();
    const from = this.#take(length);
    const { bytes } = this;
    if (length < 12) {
      const text = shortAscii(bytes, from, from + length);
      if (text !== null) return text;
    }
    return length > 64 && isAscii(bytes.subarray(from, from + length))
      ? bytes.latin1Slice(from, from + length)
      : bytes.utf8Slice(from, from + length);
  }

  bytesValue(): Uint8Array {
    return this.fixed(this.#length());
  }

  fixed(size: number): Uint8Array {
    const from = this.#take(size);
    return new Uint8Array(this.bytes.subarray(from, from + size));
  }

  /** An index into `n` things: a union's branch, an enum's symbol. */
  index(n: number, what: string): number {
    const index = this.int();
    if (index < 0 || index >= n) throw new Error(`there is no ${what} ${index}`);
    return index;
  }

  /** Items of the next block of an array or map, 0 at the end. An item takes at least `itemBytes`; `before` items were read. */
  block(itemBytes: number, before: number): number {
    let count = this.long();
    if (count < 0) {
      count = -count;
      this.long();
    }
    const most = itemBytes === 0 ? MAX_EMPTY_ITEMS - before : (this.end - this.pos) / itemBytes;
    if (count > most) throw new Error(`${count} items cannot be in the ${this.end - this.pos} bytes that are left`);
    return count;
  }

  /** The same for items that are passed over; blocks that say their size are passed over whole. */
  skipBlock(itemBytes: number, before: number): number {
    for (;;) {
      const start = this.pos;
      if (this.long() >= 0) {
        this.pos = start;
        return this.block(itemBytes, before);
      }
      this.skipBytes();
    }
  }

  skipLong(): void {
    const { bytes, end } = this;
    let pos = this.pos;
    const last = pos + 9;
    for (;;) {
      if (pos >= end) throw truncated();
      const byte = bytes[pos++]!;
      if (byte < 0x80) {
        if (pos > last && byte > 1) throw tooLong();
        break;
      }
      if (pos > last) throw tooLong();
    }
    this.pos = pos;
  }

  skip(size: number): void {
    this.#take(size);
  }

  skipBytes(): void {
    this.#take(this.#length());
  }

  #length(): number {
    const length = this.long();
    if (length < 0) throw new Error(`a length is ${length}`);
    return length;
  }

  /** Passes over `size` bytes; answers where they begin. */
  #take(size: number): number {
    const from = this.pos;
    if (size > this.end - from) throw truncated();
    this.pos = from + size;
    return from;
  }

  /** The rest of a long whose first four bytes gave `low`. */
  #longBeyond(low: number, from: number): number {
    const start = from - 4;
    this.skipLong();
    const { bytes, pos } = this;
    let high = 0;
    for (let i = pos - 1; i >= from; i--) high = high * 128 + (bytes[i]! & 0x7f);
    // value = high · 2^28 + low, zigzag: even n is n / 2, odd n is −(n + 1) / 2.
    const half = high * (TWO_28 / 2) + (low >>> 1);
    if (half < TWO_53 - 1) return low & 1 ? -half - 1 : half;
    this.pos = start;
    const exact = this.bigLong();
    if (exact === BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
    throw new Error(`${exact} is beyond 2^53 − 1: read it with longs: 'bigint'`);
  }
}

function shortAscii(bytes: Buffer, from: number, to: number): string | null {
  let text = '';
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}

function truncated(): Error {
  return new Error('the bytes end in the middle of the record');
}

function tooLong(): Error {
  return new Error('a long has more than 64 bits');
}
