/**
 * Reads one split: a file, or the lines of a file that start in [from, to).
 *
 * Invariants: 1. a row's position is the byte offset (decompressed) of its line's start, so reading from any position that a batch
 * ended at gives exactly the rows that follow. 2. A line belongs to the range it starts in; a range that does not start the file skips
 * to the first line start at or after `from`. 3. A last line without a line feed is a record when the file cannot grow; while it is
 * watched, it waits. 4. A line is overlong by its own length only, however it was cut into chunks.
 */
import { existsSync, statSync } from 'node:fs';
import type { LineDecoder } from '../../formats/decoder.ts';
import { LineBatch, rawText } from '../../formats/line-batch.ts';
import type { RowRate } from '../../formats/row-rate.ts';
import { ValuesBatch } from '../../formats/values-batch.ts';
import { MAX_RECORD_BYTES } from '../../model/limits.ts';
import type { SourceBatch } from '../../model/source-batch.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FillResult, SplitReader } from '../../ports/source.ts';
import { isGzip, openInput, type ByteInput } from './line-input.ts';
import { LineWindow } from './line-window.ts';

export interface FileRange {
  readonly path: string;
  readonly from: number;
  /** Infinity: to the end of the file. */
  readonly to: number;
}

export interface FileReading {
  readonly clock: Clock;
  /** Milliseconds between looks at a file's end; null: the file does not grow. */
  readonly watchMs: number | null;
  readonly rate: RowRate | null;
}

export class FileSplitReader implements SplitReader {
  readonly #range: FileRange;
  readonly #decoder: LineDecoder;
  readonly #reading: FileReading;
  readonly #input: ByteInput;
  readonly #window: LineWindow;
  readonly #canGrow: boolean;
  /** Looking for the first line start of a range that begins inside the file. */
  #aligning: boolean;
  /** At the start of the file, where a byte order mark may stand. */
  #expectMark: boolean;
  /** An overlong line that is being skipped. */
  #overlong: { readonly position: number; readonly raw: string } | null = null;
  /** Position of the input's end, once it was seen. */
  #ended: number | null = null;
  #lookedAtMs = -Infinity;

  constructor(range: FileRange, position: number, decoder: LineDecoder, reading: FileReading) {
    this.#range = range;
    this.#decoder = decoder;
    this.#reading = reading;
    this.#canGrow = reading.watchMs !== null && !isGzip(range.path);
    this.#aligning = position === range.from && range.from > 0;
    this.#expectMark = position === 0;
    const start = this.#aligning ? position - 1 : position; // the byte before tells whether a line starts at `from`
    this.#window = new LineWindow(start);
    this.#input = openInput(range.path, start);
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    // Rows below a given `to` were handed out before: a repetition is not throttled.
    if (this.#reading.rate === null || to !== null) return this.#fill(maxRows, to, false);
    return this.#fillThrottled(maxRows, this.#reading.rate);
  }

  release(batch: SourceBatch): void {
    if (!(batch instanceof LineBatch) || batch.bytes.length === 0) return;
    const { bytes } = batch;
    this.#decoder.release(batch);
    this.#window.unhold(bytes);
  }

  endPosition(): number | null {
    const { path, to } = this.#range;
    if (isGzip(path)) return this.#ended;
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    return size === undefined ? null : Math.min(to, size);
  }

  async close(): Promise<void> {
    this.#input.close();
  }

  async #fillThrottled(maxRows: number, rate: RowRate): Promise<FillResult> {
    const allowed = await rate.allowed(maxRows, this.#reading.clock);
    if (allowed === 0) return 'empty';
    const result = await this.#fill(allowed, null, false);
    if (typeof result !== 'string') rate.used(result.n);
    return result;
  }

  /** `looked`: the end of a growing file was looked at in this call. */
  #fill(maxRows: number, to: number | null, looked: boolean): FillResult | Promise<FillResult> {
    for (;;) {
      const result = this.#decode(maxRows, to);
      // The end of a planned range is not the end of the input: the next epoch goes on with it.
      if (result === 'end' && (to === null || this.#window.position < to)) this.#input.close();
      if (result !== 'more') return result;
      if (this.#ended !== null) {
        const { clock, watchMs } = this.#reading;
        if (looked || clock.monotonicMs() - this.#lookedAtMs < watchMs!) return 'empty';
        if (to === null && !existsSync(this.#range.path)) return 'end'; // read to its end, then removed
        looked = true;
      }
      const n = this.#window.load(this.#input);
      if (typeof n !== 'number') {
        return n.then((got) => {
          this.#loaded(got);
          return this.#fill(maxRows, to, looked);
        });
      }
      this.#loaded(n);
    }
  }

  #loaded(n: number): void {
    const w = this.#window;
    if (n > 0) {
      this.#ended = null;
      return;
    }
    this.#ended = w.base + w.end;
    this.#lookedAtMs = this.#reading.clock.monotonicMs();
    if (!this.#canGrow && (w.end > w.linesEnd || this.#overlong !== null)) w.closeLastLine();
  }

  #decode(maxRows: number, to: number | null): FillResult | 'more' {
    const w = this.#window;
    const needsMore = this.#ended !== null && !this.#canGrow ? 'end' : 'more';
    if (this.#aligning && !this.#align()) return needsMore;
    if (this.#expectMark && !this.#skipMark()) return needsMore;
    for (;;) {
      const limit = Math.min(to ?? Infinity, this.#range.to);
      if (this.#overlong === null && w.position >= limit) return 'end';
      if (w.at >= w.linesEnd) {
        if (w.end - w.at > MAX_RECORD_BYTES)
          this.#overlong = { position: w.position, raw: rawText(w.bytes, w.at, w.end) };
        if (this.#overlong !== null) w.drop();
        return needsMore;
      }
      let stop = w.linesEnd;
      if (limit - w.base < stop) stop = w.bytes.indexOf(10, limit - w.base - 1) + 1; // the line that holds the byte before `limit`
      if (this.#overlong !== null || stop - w.at > MAX_RECORD_BYTES) {
        const line = w.bytes.indexOf(10, w.at);
        if (this.#overlong !== null || line - w.at > MAX_RECORD_BYTES) return this.#rejectOverlong(line);
        stop = line + 1;
      }
      const batch = this.#decoder.decode(w.bytes, w.at, stop, w.base, maxRows);
      w.hold(w.bytes);
      w.at = batch.end;
      if (this.#ended !== null) batch.endPosition = Math.min(batch.endPosition, this.#ended);
      if (batch.n > 0 || batch.bad.length > 0) return batch;
      this.release(batch); // blank lines only
    }
  }

  /** Goes to the first line start after the byte it stands on; false: it has not been read yet. */
  #align(): boolean {
    const w = this.#window;
    if (w.at >= w.linesEnd) {
      w.drop();
      return false;
    }
    w.at = w.bytes.indexOf(10, w.at) + 1;
    this.#aligning = false;
    return true;
  }

  #skipMark(): boolean {
    const w = this.#window;
    const known = w.end - w.at;
    if (known < 3 && w.linesEnd === 0 && this.#ended === null) return false;
    if (known >= 3 && w.bytes[w.at] === 0xef && w.bytes[w.at + 1] === 0xbb && w.bytes[w.at + 2] === 0xbf) w.at += 3;
    // A growing file may still get its first bytes.
    if (known >= 3 || w.linesEnd > 0 || !this.#canGrow) this.#expectMark = false;
    return !this.#expectMark;
  }

  #rejectOverlong(line: number): SourceBatch {
    const w = this.#window;
    const { position, raw } = this.#overlong ?? { position: w.position, raw: rawText(w.bytes, w.at, line) };
    this.#overlong = null;
    w.at = line + 1;
    const error = `the line is longer than ${MAX_RECORD_BYTES} bytes (MAX_RECORD_BYTES); is this a file of lines?`;
    return new ValuesBatch({
      values: [],
      positions: new Float64Array(0),
      timestamps: null,
      endPosition: Math.min(w.position, this.#ended ?? Infinity),
      bad: [{ position, raw, error }],
      raw: () => '',
    });
  }
}
