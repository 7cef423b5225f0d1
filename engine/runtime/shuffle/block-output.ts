/** A growing buffer with one view per item width. Every column begins on a multiple of 8. */
import { ConfigError } from '../../model/errors.ts';

const FIRST_BYTES = 1 << 14;
const LIMIT_BYTES = 2 ** 31 - 8;

export class BlockOutput {
  /** Next free byte. */
  at: number;
  bytes: Buffer<ArrayBuffer>;
  u16: Uint16Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  f64: Float64Array<ArrayBuffer>;
  private readonly first: number;

  /** `first`: bytes left free at the start. */
  constructor(first: number) {
    this.first = this.at = first;
    const buffer = new ArrayBuffer(FIRST_BYTES);
    this.bytes = Buffer.from(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /** Makes room for `more` bytes from `at`. */
  reserve(more: number): void {
    const needed = this.at + more;
    if (needed <= this.bytes.length) return;
    if (needed > LIMIT_BYTES)
      throw new ConfigError(
        `rows of ${needed} bytes do not fit into one shuffle block: make the records smaller before keyBy.`,
      );
    const length = Math.min(LIMIT_BYTES, Math.max(this.bytes.length * 2, needed));
    this.view(this.bytes.buffer.transfer((length + 7) & ~7));
  }

  /** Next multiple of 8; the bytes between are zero. */
  align(): void {
    const rest = -this.at & 7;
    this.reserve(rest);
    this.bytes.fill(0, this.at, this.at + rest);
    this.at += rest;
  }

  /** Begins a column: two bytes and a 32-bit number in 8 bytes. */
  head(kind: number, flags: number, n: number): void {
    this.align();
    this.reserve(8);
    this.u32[this.at >> 2] = kind | (flags << 8);
    this.u32[(this.at >> 2) + 1] = n;
    this.at += 8;
  }

  putBytes(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.bytes.set(start === 0 && end === from.length ? from : from.subarray(start, end), this.at);
    this.at += end - start;
  }

  putInt32s(from: Int32Array, n: number): void {
    this.align();
    this.reserve(n * 4);
    this.u32.set(from.subarray(0, n), this.at >> 2);
    this.at += n * 4;
  }

  /** What was written, in a buffer of its own; the next block begins. */
  take(): ArrayBuffer {
    const buffer = this.bytes.buffer.transfer(this.at);
    this.view(new ArrayBuffer(FIRST_BYTES));
    this.at = this.first;
    return buffer;
  }

  private view(buffer: ArrayBuffer): void {
    this.bytes = Buffer.from(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

/** The same, read. `bytes` begins on a multiple of 8 of its buffer and has a length that is one. */
export class BlockInput {
  at = 0;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** Of the head read last. */
  flags = 0;
  n = 0;

  constructor(bytes: Uint8Array) {
    const own =
      bytes.buffer instanceof ArrayBuffer && (bytes.byteOffset & 7) === 0
        ? (bytes as Uint8Array<ArrayBuffer>)
        : new Uint8Array(bytes);
    const { buffer, byteOffset, length } = own;
    this.bytes = Buffer.from(buffer, byteOffset, length);
    this.u16 = new Uint16Array(buffer, byteOffset, length >> 1);
    this.u32 = new Uint32Array(buffer, byteOffset, length >> 2);
    this.f64 = new Float64Array(buffer, byteOffset, length >> 3);
  }

  align(): void {
    this.at = (this.at + 7) & ~7;
  }

  /** Reads a column's head; answers its kind. */
  head(): number {
    this.align();
    const word = this.u32[this.at >> 2]!;
    this.n = this.u32[(this.at >> 2) + 1]!;
    this.flags = (word >>> 8) & 255;
    this.at += 8;
    return word & 255;
  }

  int32s(into: Int32Array, n: number): void {
    this.align();
    into.set(this.u32.subarray(this.at >> 2, (this.at >> 2) + n));
    this.at += n * 4;
  }
}
