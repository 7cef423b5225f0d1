/** Avro's binary encoding, written to bytes that grow as needed. Throws an Error that says what a value should have been. */
import { shownValue } from './logical-types.ts';

const FIRST_BYTES = 1024;
const MAX_KEPT_BYTES = 1024 * 1024;
const TWO_28 = 2 ** 28;
/** From it on a number would round to infinity. */
const MAX_FLOAT = (2 - 2 ** -24) * 2 ** 127;

export class AvroOutput {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  pos = 0;

  /** What was written, in fresh bytes; begins anew. */
  take(): Uint8Array {
    const { bytes, pos } = this;
    const taken = new Uint8Array(pos);
    taken.set(bytes.subarray(0, pos));
    this.pos = 0;
    if (bytes.length > MAX_KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return taken;
  }

  boolean(value: unknown): void {
    if (typeof value !== 'boolean') throw expected('true or false', value);
    this.#room(1);
    this.bytes[this.pos++] = value ? 1 : 0;
  }

  int(value: unknown): void {
    if (typeof value !== 'number' || value !== (value | 0)) throw expected('a whole number of 32 bits', value);
    this.#small(((value << 1) ^ (value >> 31)) >>> 0);
  }

  long(value: unknown): void {
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      if (value === (value | 0)) this.#small(((value << 1) ^ (value >> 31)) >>> 0);
      else this.#large(value);
    } else if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) {
      this.#big(value);
    } else throw expected('a whole number of at most 2^53 − 1 in size, or a bigint of 64 bits', value);
  }

  float(value: unknown): void {
    if (typeof value !== 'number' || (Math.abs(value) >= MAX_FLOAT && value - value === 0))
      throw expected('a number that a float of 4 bytes can hold', value);
    this.#room(4);
    this.pos = this.bytes.writeFloatLE(value, this.pos);
  }

  double(value: unknown): void {
    if (typeof value !== 'number') throw expected('a number', value);
    this.#room(8);
    this.pos = this.bytes.writeDoubleLE(value, this.pos);
  }

  string(value: unknown): void {
    if (typeof value !== 'string') throw expected('a string', value);
    const { length } = value;
    if (length < 24 && this.#shortAscii(value)) return;
    if (!value.isWellFormed())
      throw new Error('the text has half a surrogate pair, which UTF-8 cannot hold; replace it first');
    const size = Buffer.byteLength(value);
    this.long(size);
    this.#room(size);
    this.pos += this.bytes.write(value, this.pos, size, 'utf8');
  }

  bytesValue(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw expected('a Uint8Array', value);
    this.long(value.length);
    this.raw(value);
  }

  fixed(value: unknown, size: number): void {
    if (!(value instanceof Uint8Array) || value.length !== size) throw expected(`a Uint8Array of ${size} bytes`, value);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#room(value.length);
    this.bytes.set(value, this.pos);
    this.pos += value.length;
  }

  #shortAscii(value: string): boolean {
    const { length } = value;
    this.#room(length + 1);
    const { bytes, pos } = this;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[pos + 1 + i] = code;
    }
    bytes[pos] = length << 1;
    this.pos = pos + 1 + length;
    return true;
  }

  /** An unsigned number of 32 bits, seven bits a byte. */
  #small(value: number): void {
    this.#room(5);
    const { bytes } = this;
    let rest = value;
    while (rest > 0x7f) {
      bytes[this.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.pos++] = rest;
  }

  #large(value: number): void {
    // Zigzag without 64-bit integers: n ≥ 0 is 2n, n < 0 is −2n − 1. Below 2^54, so halves of 2^28 are exact.
    const half = value < 0 ? -value - 1 : value;
    const low = (half % (TWO_28 / 2)) * 2 + (value < 0 ? 1 : 0);
    let high = Math.floor(half / (TWO_28 / 2));
    this.#room(10);
    const { bytes } = this;
    for (let shift = 0; shift < 28; shift += 7) bytes[this.pos++] = ((low >>> shift) & 0x7f) | 0x80;
    while (high > 0x7f) {
      bytes[this.pos++] = (high % 128) | 0x80;
      high = Math.floor(high / 128);
    }
    bytes[this.pos++] = high;
  }

  #big(value: bigint): void {
    this.#room(10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 0x7fn) {
      this.bytes[this.pos++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.pos++] = Number(rest);
  }

  #room(size: number): void {
    const needed = this.pos + size;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(grown, 0, 0, this.pos);
    this.bytes = grown;
  }
}

export function expected(what: string, value: unknown): Error {
  return new Error(`expected ${what}, got ${shownValue(value)}`);
}
