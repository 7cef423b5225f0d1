/**
 * The part of a file that is in memory, with whole lines at its front. Batches point into its buffer, so a buffer that a batch uses is
 * never moved: bytes are added after its end, and when there is no room the unfinished line is copied to another buffer.
 *
 * Invariants: 1. `base + at` is the position of the next line; 2. `[at, linesEnd)` is whole lines; 3. `[linesEnd, end)` is the start of a
 * line; 4. DECODE_SLACK_BYTES are readable after `end`.
 */
import { DECODE_SLACK_BYTES } from '../../formats/decoder.ts';
import { FILE_CHUNK_BYTES } from '../../model/limits.ts';
import type { ByteInput } from './line-input.ts';

/** Room for the unfinished line in front of a chunk; a longer one gets a larger buffer. */
const CARRY_BYTES = 64 * 1024;
const STANDARD_BYTES = CARRY_BYTES + FILE_CHUNK_BYTES + DECODE_SLACK_BYTES;
/** Less room than this at the end of a buffer is not worth a read. */
const MIN_READ_BYTES = 16 * 1024;
const MAX_POOLED = 4;

export class LineWindow {
  bytes: Buffer = Buffer.alloc(0);
  /** Position of byte 0. */
  base: number;
  at = 0;
  linesEnd = 0;
  end = 0;
  readonly #uses = new Map<Buffer, number>();
  readonly #free: Buffer[] = [];

  constructor(position: number) {
    this.base = position;
  }

  get position(): number {
    return this.base + this.at;
  }

  /** Reads some more. Answers the number of bytes, 0 at the end of the input. */
  load(input: ByteInput): number | Promise<number> {
    if (this.bytes.length - DECODE_SLACK_BYTES - this.end < MIN_READ_BYTES) this.#move();
    const room = Math.min(this.bytes.length - DECODE_SLACK_BYTES - this.end, FILE_CHUNK_BYTES);
    const n = input.read(this.bytes, this.end, room);
    return typeof n === 'number' ? this.#loaded(n) : n.then((got) => this.#loaded(got));
  }

  /** Makes a line of the rest: the input has ended without a line feed. */
  closeLastLine(): void {
    if (this.end === this.bytes.length - DECODE_SLACK_BYTES) this.#move();
    this.bytes[this.end++] = 10;
    this.linesEnd = this.end;
  }

  /** Forgets everything read: the bytes belong to a line that is skipped. */
  drop(): void {
    this.at = this.linesEnd = this.end;
  }

  /** A batch points into the buffer from now on. */
  hold(bytes: Buffer): void {
    this.#uses.set(bytes, (this.#uses.get(bytes) ?? 0) + 1);
  }

  unhold(bytes: Buffer): void {
    const uses = (this.#uses.get(bytes) ?? 0) - 1;
    if (uses > 0) {
      this.#uses.set(bytes, uses);
      return;
    }
    this.#uses.delete(bytes);
    if (bytes !== this.bytes) this.#give(bytes);
  }

  #loaded(n: number): number {
    if (n > 0) {
      const last = this.bytes.lastIndexOf(10, this.end + n - 1);
      if (last >= this.end) this.linesEnd = last + 1;
      this.end += n;
    }
    return n;
  }

  /** Moves `[at, end)` to the front of a buffer with room behind it. */
  #move(): void {
    const length = this.end - this.at;
    const from = this.bytes;
    let to = from;
    const wanted = length > CARRY_BYTES ? length * 2 + FILE_CHUNK_BYTES + DECODE_SLACK_BYTES : STANDARD_BYTES;
    if (this.#uses.has(from) || from.length < wanted)
      to = (wanted === STANDARD_BYTES ? this.#free.pop() : undefined) ?? Buffer.alloc(wanted);
    from.copy(to, 0, this.at, this.end);
    if (to !== from && !this.#uses.has(from)) this.#give(from);
    this.bytes = to;
    this.base += this.at;
    this.linesEnd -= this.at;
    this.at = 0;
    this.end = length;
  }

  #give(bytes: Buffer): void {
    if (bytes.length === STANDARD_BYTES && this.#free.length < MAX_POOLED) this.#free.push(bytes);
  }
}
