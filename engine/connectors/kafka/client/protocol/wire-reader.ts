/** Reads the primitive types of Kafka's protocol in its flexible versions (KIP-482). An answer that ends early throws a RangeError. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  readInt8(): number {
    return this.#bytes.readInt8(this.#step(1));
  }
  readInt16(): number {
    return this.#bytes.readInt16BE(this.#step(2));
  }
  readInt32(): number {
    return this.#bytes.readInt32BE(this.#step(4));
  }
  readInt64(): bigint {
    return this.#bytes.readBigInt64BE(this.#step(8));
  }
  readBoolean(): boolean {
    return this.readInt8() !== 0;
  }
  /** Null reads as empty. */
  readString(): string {
    return this.readNullableString() ?? '';
  }
  readNullableString(): string | null {
    const length = this.#length();
    if (length === null) return null;
    const start = this.#step(length);
    return this.#bytes.toString('utf8', start, start + length);
  }
  /** A piece of the answer, not copied. Null reads as empty. */
  readBytes(): Uint8Array {
    const length = this.#length() ?? 0;
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }
  /** As 32 hexadecimal digits. */
  readUuid(): string {
    const start = this.#step(16);
    return this.#bytes.toString('hex', start, start + 16);
  }
  /** Null reads as empty. */
  readArray<T>(read: () => T, tagged = true): T[] {
    const items: T[] = [];
    for (let left = this.#length() ?? 0; left > 0; left--) {
      items.push(read());
      if (tagged) this.readTaggedFields();
    }
    return items;
  }
  /** By tag; the last of a structure's fields, whatever the version knows. */
  readTaggedFields(): ReadonlyMap<number, WireReader> {
    const fields = new Map<number, WireReader>();
    for (let left = this.#unsignedVarint(); left > 0; left--) {
      const tag = this.#unsignedVarint();
      const length = this.#unsignedVarint();
      const start = this.#step(length);
      fields.set(tag, new WireReader(this.#bytes.subarray(start, start + length)));
    }
    return fields;
  }

  #length(): number | null {
    const plusOne = this.#unsignedVarint();
    return plusOne === 0 ? null : plusOne - 1;
  }

  #unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#step(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  #step(bytes: number): number {
    const start = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new RangeError("The broker's answer ends early");
    return start;
  }
}
