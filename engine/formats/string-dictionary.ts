/**
 * Bytes → string for one column, without making the same string again. Direct-mapped and verified byte by byte, so a wrong hash
 * costs time, never a wrong string. It pays for columns of few distinct values only (HOTPATH section 2), so it watches itself: when most
 * look-ups of a round miss, the next rounds make strings directly. Strings are fresh copies: none keeps the chunk alive (HOTPATH section 9.3).
 */
const SLOTS = 1 << 14;
const MAX_BYTES = 64;
const ROUND = 4096;
const ROUNDS_OFF = 32;

export class StringDictionary {
  readonly #hashes = new Int32Array(SLOTS);
  readonly #strings: string[] = new Array<string>(SLOTS).fill('');
  #left = ROUND;
  #misses = 0;
  #off = false;

  /** The ASCII string `b[from, to)` whose hash (31·h + byte) is `hash`. */
  get(b: Buffer, from: number, to: number, hash: number): string {
    if (--this.#left === 0) this.#judge();
    const n = to - from;
    if (this.#off || n > MAX_BYTES) return b.latin1Slice(from, to);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#strings[slot]!;
    if (this.#hashes[slot] === hash && known.length === n) {
      let i = 0;
      while (i < n && known.charCodeAt(i) === b[from + i]) i++;
      if (i === n) return known;
    }
    this.#misses++;
    const made = b.latin1Slice(from, to);
    this.#strings[slot] = made;
    this.#hashes[slot] = hash;
    return made;
  }

  #judge(): void {
    this.#off = !this.#off && this.#misses > ROUND / 2;
    this.#left = this.#off ? ROUND * ROUNDS_OFF : ROUND;
    this.#misses = 0;
  }
}
