/**
 * Generated rows (Flink's DataGeneratorSource): row i is `generator(i)`. Position = index. The generator must be deterministic in the index: after a
 * failure the same indices are generated again.
 *
 *     new DataGeneratorSource({ generator: (i) => ({ id: i, at: i * 100 }), count: 1000 })
 *
 * With several splits, split s of n generates the indices s, s + n, s + 2n …
 */
import { RowRate } from '../../formats/row-rate.ts';
import { ValuesBatch } from '../../formats/values-batch.ts';
import { ConfigError, InvariantError, messageOf, UserCodeError } from '../../model/errors.ts';
import { BATCH_ROWS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FillResult, Source, SourceContext, SplitReader, SplitSpec } from '../../ports/source.ts';

export interface DataGeneratorOptions<T> {
  readonly generator: (index: number) => T;
  /** Rows in all; Infinity: an unbounded source. */
  readonly count: number;
  /** Over all splits of this process, in wall time. Default: as fast as possible. */
  readonly rowsPerSecond?: number;
  /** Default 1. */
  readonly splits?: number;
}

export class DataGeneratorSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly bounded: boolean;
  readonly #options: DataGeneratorOptions<T>;
  readonly #splits: number;
  readonly #rate: RowRate | null;

  constructor(options: DataGeneratorOptions<T>) {
    const { count, rowsPerSecond, splits = 1 } = options;
    if (count !== Infinity && !(Number.isSafeInteger(count) && count >= 0)) {
      throw new ConfigError(`DataGeneratorSource: count must be a whole number or Infinity, got ${count}.`);
    }
    if (rowsPerSecond !== undefined && !(rowsPerSecond > 0)) {
      throw new ConfigError(`DataGeneratorSource: rowsPerSecond must be more than 0, got ${rowsPerSecond}.`);
    }
    if (!Number.isSafeInteger(splits) || splits < 1)
      throw new ConfigError(`DataGeneratorSource: splits must be 1 or more, got ${splits}.`);
    this.#options = options;
    this.#splits = splits;
    this.#rate = rowsPerSecond === undefined ? null : new RowRate(rowsPerSecond);
    this.bounded = count !== Infinity;
    this.description = `generator (${count === Infinity ? 'unbounded' : `${count} rows`})`;
  }

  async validate(): Promise<void> {}

  async discover(): Promise<readonly SplitSpec[]> {
    return Array.from({ length: this.#splits }, (_, i) => ({
      id: `g${i}of${this.#splits}`,
      startPosition: 0,
    }));
  }

  checkSplits(ids: readonly string[]): void {
    const other = ids.find((id) => !id.endsWith(`of${this.#splits}`));
    if (other === undefined) return;
    throw new ConfigError(
      `the generator ran with ${other.split('of')[1]} splits before and has ${this.#splits} now: which rows are left cannot be told. Use as many as the job began with, or start it in a new state folder.`,
    );
  }

  async open(split: SplitSpec, position: number, ctx: SourceContext): Promise<SplitReader> {
    const match = /^g(\d+)of\d+$/.exec(split.id);
    const first = Number(match?.[1]);
    if (!(first < this.#splits))
      throw new InvariantError(`"${split.id}" is no split of a generator with ${this.#splits} splits`);
    return new GeneratorReader(this.#options, first, this.#splits, position, this.#rate, ctx.clock);
  }
}

class GeneratorReader<T> implements SplitReader {
  readonly #options: DataGeneratorOptions<T>;
  readonly #step: number;
  readonly #rate: RowRate | null;
  readonly #clock: Clock;
  /** The next index of this split. */
  #next: number;

  constructor(
    options: DataGeneratorOptions<T>,
    first: number,
    step: number,
    position: number,
    rate: RowRate | null,
    clock: Clock,
  ) {
    this.#options = options;
    this.#step = step;
    this.#rate = rate;
    this.#clock = clock;
    this.#next = first + Math.max(0, Math.ceil((position - first) / step)) * step;
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    const rows = Math.min(maxRows, BATCH_ROWS);
    // A repetition is not throttled.
    if (this.#rate === null || to !== null || this.#next >= this.#options.count) return this.#generate(rows, to);
    const rate = this.#rate;
    return rate.allowed(rows, this.#clock).then((allowed) => {
      if (allowed === 0) return 'empty';
      const batch = this.#generate(allowed, to);
      if (typeof batch !== 'string') rate.used(batch.n);
      return batch;
    });
  }

  release(): void {}

  endPosition(): number | null {
    return this.#options.count === Infinity ? null : this.#options.count;
  }

  async close(): Promise<void> {}

  #generate(rows: number, to: number | null): FillResult {
    const { generator, count } = this.#options;
    const limit = Math.min(to ?? Infinity, count);
    const n = Math.min(rows, Math.ceil((limit - this.#next) / this.#step));
    if (n <= 0) return 'end';
    const values: T[] = [];
    const positions = new Float64Array(n);
    let index = this.#next;
    for (let i = 0; i < n; i++, index += this.#step) {
      positions[i] = index;
      try {
        values.push(generator(index));
      } catch (e) {
        throw new UserCodeError(`The generator threw at index ${index}: ${messageOf(e)}`, { index }, e);
      }
    }
    this.#next = index;
    const raw = (i: number): string => JSON.stringify(values[i]) ?? String(values[i]);
    return new ValuesBatch({ values, positions, timestamps: null, endPosition: positions[n - 1]! + 1, raw });
  }
}
