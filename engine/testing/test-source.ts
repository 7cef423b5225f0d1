/**
 * A source that a test feeds: rows wait until an epoch reads them, and stay, so that a retry or a later process reads them again.
 * It outlives the processes of a job: make it outside of the function that builds the job.
 *
 *     const orders = new TestSource<Order>();
 *     orders.push({ customer: 'ada', n: 1 });
 *     orders.end();
 */
import { ConfigError } from '../model/errors.ts';
import type { SourceBatch } from '../model/source-batch.ts';
import { NO_TIMESTAMP } from '../model/watermark.ts';
import { valuesBatch } from '../operators/collection-source.ts';
import type { FillResult, Source, SplitReader, SplitSpec } from '../ports/source.ts';

interface Split {
  readonly id: string;
  readonly values: unknown[];
  readonly timestamps: number[];
  ended: boolean;
}

export interface TestSourceOptions {
  /** Default 1. */
  readonly splits?: number;
  /** Rows of each split that were read before this source was made: where a restored job goes on. */
  readonly startPositions?: readonly number[];
}

export class TestSource<T> implements Source<T> {
  declare readonly __type?: T;
  /** Its splits end when the test says so. */
  readonly bounded = true;
  readonly description = 'test source';
  readonly #splits: readonly Split[];
  readonly #starts: readonly number[];

  constructor({ splits = 1, startPositions = [] }: TestSourceOptions = {}) {
    if (!Number.isInteger(splits) || splits < 1)
      throw new ConfigError(`a test source has a whole number of splits, 1 or more; got ${splits}.`);
    this.#splits = Array.from({ length: splits }, (_, i) => ({
      id: `split-${String(i).padStart(3, '0')}`,
      values: [],
      timestamps: [],
      ended: false,
    }));
    this.#starts = this.#splits.map((_, i) => startPositions[i] ?? 0);
  }

  /** Adds a row to the first split. `timestamp`: the source's own, epoch milliseconds. */
  push(value: T, timestamp?: number): this {
    return this.pushTo(0, value, timestamp);
  }

  /** Adds rows to the first split, in this order. */
  pushAll(values: Iterable<T>): this {
    for (const value of values) this.push(value);
    return this;
  }

  pushTo(split: number, value: T, timestamp: number = NO_TIMESTAMP): this {
    const to = this.#split(split);
    if (to.ended) throw new ConfigError(`split ${split} of the test source has ended: nothing can be added to it.`);
    to.values.push(value);
    to.timestamps.push(timestamp);
    return this;
  }

  /** No rows come any more: of this split, or at all. When all have ended, watermarks become the greatest and the job finishes. */
  end(split?: number): this {
    for (const each of split === undefined ? this.#splits : [this.#split(split)]) each.ended = true;
    return this;
  }

  /** Rows of each split so far: `startPositions` of a source that goes on. */
  get positions(): readonly number[] {
    return this.#splits.map(({ values }, i) => this.#starts[i]! + values.length);
  }

  async validate(): Promise<void> {
    // Nothing to check.
  }
  async discover(): Promise<readonly SplitSpec[]> {
    return this.#splits.map(({ id }, i) => ({ id, startPosition: this.#starts[i]! }));
  }
  async open({ id }: SplitSpec, from: number): Promise<SplitReader> {
    const i = this.#splits.findIndex((split) => split.id === id);
    return readerOf(this.#splits[i]!, this.#starts[i]!, from);
  }

  #split(index: number): Split {
    const split = this.#splits[index];
    if (split === undefined)
      throw new ConfigError(`the test source has ${this.#splits.length} splits, and no split ${index}.`);
    return split;
  }
}

function readerOf(split: Split, start: number, from: number): SplitReader {
  let position = from;
  return {
    fill: (maxRows: number, to: number | null): FillResult => {
      const end = Math.min(position + maxRows, to ?? Infinity, start + split.values.length);
      if (end <= position) return (to !== null && position >= to) || split.ended ? 'end' : 'empty';
      const batch = batchOf(split, start, position, end);
      position = end;
      return batch;
    },
    release: () => undefined,
    endPosition: () => start + split.values.length,
    close: async () => undefined,
  };
}

function batchOf({ values, timestamps }: Split, start: number, from: number, to: number): SourceBatch {
  const batch = valuesBatch(values.slice(from - start, to - start), from);
  const own = timestamps.slice(from - start, to - start);
  if (own.some((timestamp) => timestamp !== NO_TIMESTAMP)) batch.timestamps = Float64Array.from(own);
  return batch;
}
