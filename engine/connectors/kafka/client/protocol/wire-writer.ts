/** Writes the primitive types of Kafka's protocol in its flexible versions (KIP-482) into one buffer that grows. */
export class WireWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity = 512) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  appendInt8(value: number): this {
    this.#at = this.#room(1).writeInt8(value, this.#at);
    return this;
  }
  appendInt16(value: number): this {
    this.#at = this.#room(2).writeInt16BE(value, this.#at);
    return this;
  }
  appendInt32(value: number): this {
    this.#at = this.#room(4).writeInt32BE(value, this.#at);
    return this;
  }
  appendInt64(value: bigint): this {
    this.#at = this.#room(8).writeBigInt64BE(value, this.#at);
    return this;
  }
  appendBoolean(value: boolean): this {
    return this.appendInt8(value ? 1 : 0);
  }
  /** Compact, nullable. */
  appendString(value: string | null): this {
    if (value === null) return this.#length(null);
    const length = Buffer.byteLength(value);
    this.#length(length).#room(length).write(value, this.#at);
    this.#at += length;
    return this;
  }
  /** Compact, nullable; not copied twice however large. */
  appendBytes(value: Uint8Array | null): this {
    if (value === null) return this.#length(null);
    this.#length(value.length).#room(value.length).set(value, this.#at);
    this.#at += value.length;
    return this;
  }
  appendNoUuid(): this {
    return this.appendInt64(0n).appendInt64(0n);
  }
  /** 32 hexadecimal digits, as `WireReader.readUuid` gives them. */
  appendUuid(id: string): this {
    this.#at += this.#room(16).write(id, this.#at, 'hex');
    return this;
  }
  /** Compact, nullable. Structures end in a tag section, which `tagged` leaves out for primitive items. */
  appendArray<T>(items: readonly T[] | null, write: (w: this, item: T) => void, tagged = true): this {
    this.#length(items === null ? null : items.length);
    for (const item of items ?? []) {
      write(this, item);
      if (tagged) this.appendTaggedFields();
    }
    return this;
  }
  /** None. */
  appendTaggedFields(): this {
    return this.#unsignedVarint(0);
  }

  #length(length: number | null): this {
    return this.#unsignedVarint(length === null ? 0 : length + 1);
  }

  #unsignedVarint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#at = this.#room(1).writeUInt8((rest & 0x7f) | 0x80, this.#at);
    this.#at = this.#room(1).writeUInt8(rest, this.#at);
    return this;
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
