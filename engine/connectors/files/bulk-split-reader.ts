/**
 * Reads one split of a file that is read as a whole: a file, or the blocks of rows that begin in a range of its bytes.
 *
 * Invariants: 1. a row's position is its number in the file, so reading from any position gives exactly the rows that follow. 2. A block belongs
 * to the range that its first byte is in. 3. Such files do not grow, but while a folder is watched, a file that was read is no end of time:
 * its split ends when the file is removed.
 */
import { existsSync } from 'node:fs';
import { rawText } from '../../formats/line-batch.ts';
import type { BulkBlock, BulkFormat, BulkInput } from '../../formats/bulk-format.ts';
import { ValuesBatch } from '../../formats/values-batch.ts';
import type { BadRecord } from '../../model/bad-record.ts';
import { messageOf, RetryableError } from '../../model/errors.ts';
import type { FillResult, SplitReader } from '../../ports/source.ts';
import type { FileRange, FileReading } from './file-split-reader.ts';

export class BulkSplitReader implements SplitReader {
  readonly #path: string;
  readonly #input: BulkInput;
  readonly #reading: FileReading;
  #at: number;
  #lookedAtMs = -Infinity;
  #block: BulkBlock | null = null;

  static async open(
    format: BulkFormat<unknown>,
    range: FileRange,
    position: number,
    reading: FileReading,
  ): Promise<BulkSplitReader> {
    const input = await format.open(range.path, range.from, range.to);
    // A fresh split begins at 0, wherever its first row is.
    const at = Math.max(position, input.firstRow);
    if (at > input.endRow) {
      throw new RetryableError(
        `${range.path} has ${input.endRow} rows, but the job has read ${position} of it: it was replaced. Put the old file back, or give the new one a new name.`,
        { path: range.path, position },
      );
    }
    return new BulkSplitReader(range.path, input, at, reading);
  }

  /** Use `open`. */
  constructor(path: string, input: BulkInput, at: number, reading: FileReading) {
    this.#path = path;
    this.#input = input;
    this.#at = at;
    this.#reading = reading;
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    if (to !== null && this.#at >= to) return 'end';
    if (this.#at >= this.#input.endRow) return this.#atEnd();
    const { rate } = this.#reading;
    // Rows below a given `to` were handed out before: a repetition is not throttled.
    if (rate !== null && to === null) return this.#fillThrottled(maxRows, rate);
    return this.#fill(maxRows, to);
  }

  release(): void {}

  endPosition(): number {
    return this.#input.endRow;
  }

  async close(): Promise<void> {
    this.#block = null;
  }

  #atEnd(): 'empty' | 'end' {
    this.#block = null;
    const { clock, watchMs } = this.#reading;
    if (watchMs === null) return 'end';
    if (clock.monotonicMs() - this.#lookedAtMs < watchMs) return 'empty';
    this.#lookedAtMs = clock.monotonicMs();
    return existsSync(this.#path) ? 'empty' : 'end';
  }

  async #fillThrottled(maxRows: number, rate: NonNullable<FileReading['rate']>): Promise<FillResult> {
    const allowed = await rate.allowed(maxRows, this.#reading.clock);
    if (allowed === 0) return 'empty';
    const batch = await this.#fill(allowed, null);
    rate.used(batch.n);
    return batch;
  }

  #fill(maxRows: number, to: number | null): ValuesBatch | Promise<ValuesBatch> {
    const block = this.#block;
    if (block !== null && this.#at < block.endRow) return this.#rowsOf(block, maxRows, to);
    this.#block = null;
    return this.#input.read(this.#at).then((read) => {
      this.#block = read;
      return this.#rowsOf(read, maxRows, to);
    });
  }

  #rowsOf(block: BulkBlock, maxRows: number, to: number | null): ValuesBatch {
    const end = Math.min(this.#at + maxRows, block.endRow, to ?? Infinity);
    const values: unknown[] = [];
    const positions: number[] = [];
    const bad: BadRecord[] = [];
    for (let at = this.#at; at < end; at++) {
      try {
        values.push(block.row(at));
        positions.push(at);
      } catch (e) {
        bad.push({ position: at, raw: rawOf(block, at), error: messageOf(e) });
      }
    }
    this.#at = end;
    return new ValuesBatch({
      values,
      positions: Float64Array.from(positions),
      timestamps: null,
      endPosition: end,
      bad,
      raw: (i) => rawOf(block, positions[i]!),
    });
  }
}

function rawOf(block: BulkBlock, at: number): string {
  const bytes = Buffer.from(block.raw(at));
  return rawText(bytes, 0, bytes.length);
}
