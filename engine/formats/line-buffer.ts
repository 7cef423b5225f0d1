/** Lines of text as UTF-8 in chunks, for sinks that stage them. One scratch buffer is written over and over; chunks are copies out of it. */
const SCRATCH_BYTES = 256 * 1024;
const FIRST_BYTES = 4 * 1024;

export class LineBuffer {
  #scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #used = 0;
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  lines = 0;

  get bytes(): number {
    return this.#chunkBytes + this.#used;
  }

  /** Adds `text` and a line feed. */
  add(text: string): void {
    const most = text.length * 3 + 1; // a UTF-16 unit is at most 3 bytes
    if (this.#used + most > this.#scratch.length) this.#makeRoom(most);
    const end = this.#used + this.#scratch.write(text, this.#used, 'utf8');
    this.#scratch[end] = 10;
    this.#used = end + 1;
    this.lines++;
  }

  /** All chunks so far, and an empty buffer again. */
  take(): Uint8Array[] {
    this.#flush();
    const chunks = this.#chunks;
    this.clear();
    return chunks;
  }

  clear(): void {
    this.#chunks = [];
    this.#chunkBytes = this.#used = this.lines = 0;
  }

  #makeRoom(most: number): void {
    const used = this.#used;
    if (this.#scratch.length < SCRATCH_BYTES) {
      const larger = Buffer.allocUnsafeSlow(Math.max(Math.min(this.#scratch.length * 8, SCRATCH_BYTES), used + most));
      this.#scratch.copy(larger, 0, 0, used);
      this.#scratch = larger;
      return;
    }
    this.#flush();
    if (most > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(most);
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#chunks.push(new Uint8Array(this.#scratch.subarray(0, this.#used)));
    this.#chunkBytes += this.#used;
    this.#used = 0;
  }
}
