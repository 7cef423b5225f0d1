/**
 * A cache in front of a KeyIndex for string keys that are still bytes: open addressing over (hash, length, bytes), so that a
 * known key needs no string (HOTPATH section 5: 25–95 ns against 250–370). Maps to the ids of the index, which stays the truth.
 */
export class ByteKeys {
  private slots = new Int32Array(1 << 12);
  private hashes = new Int32Array(1 << 11);
  private offsets = new Int32Array((1 << 11) + 1);
  private ids = new Int32Array(1 << 11);
  private arena = new Uint8Array(1 << 15);
  private count = 0;

  /** Id of the key bytes[from, to), whose 31-hash is `hash`; −1 when it is not here. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const { slots, hashes, offsets, arena } = this;
    const mask = slots.length - 1;
    const h = spread(hash);
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const entry = slots[i]! - 1;
      if (entry < 0) return -1;
      if (hashes[entry] !== h) continue;
      let a = offsets[entry]!;
      if (offsets[entry + 1]! - a !== to - from) continue;
      let p = from;
      while (p < to && arena[a] === bytes[p]) {
        a++;
        p++;
      }
      if (p === to) return this.ids[entry]!;
    }
  }

  /** Remembers a key that `find` did not know. */
  add(bytes: Uint8Array, from: number, to: number, hash: number, id: number): void {
    if ((this.count + 1) * 2 > this.slots.length) this.growTable();
    const entry = this.count++;
    const start = this.offsets[entry]!;
    const end = start + to - from;
    if (end > this.arena.length) {
      const larger = new Uint8Array(Math.max(this.arena.length * 2, end));
      larger.set(this.arena);
      this.arena = larger;
    }
    this.arena.set(bytes.subarray(from, to), start);
    this.offsets[entry + 1] = end;
    this.hashes[entry] = spread(hash);
    this.ids[entry] = id;
    this.place(entry);
  }

  clear(): void {
    this.slots.fill(0);
    this.count = 0;
  }

  private place(entry: number): void {
    const mask = this.slots.length - 1;
    let i = this.hashes[entry]! & mask;
    while (this.slots[i] !== 0) i = (i + 1) & mask;
    this.slots[i] = entry + 1;
  }

  private growTable(): void {
    const capacity = this.slots.length;
    this.slots = new Int32Array(capacity * 2);
    this.hashes = widen(this.hashes, capacity);
    this.ids = widen(this.ids, capacity);
    this.offsets = widen(this.offsets, capacity + 1);
    for (let entry = 0; entry < this.count; entry++) this.place(entry);
  }
}

function spread(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 12);
}

function widen(old: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(old);
  return larger;
}
