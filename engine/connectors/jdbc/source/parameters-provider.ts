/** The splits of a statement with `?`, by the values that each has for them (Flink: JdbcParameterValuesProvider). */
import { ConfigError } from '../../../model/errors.ts';
import type { JdbcValue } from '../wire-value.ts';

export interface JdbcParameterValuesProvider {
  /** A row of values for each split; the same whenever it is asked. */
  getParameterValues(): readonly (readonly JdbcValue[])[];
}

/**
 * For `… WHERE id BETWEEN ? AND ?`: the numbers min to max, both included, in so many ranges of about the same size.
 *
 *     new JdbcNumericBetweenParametersProvider(1, 1_000_000).ofBatchNum(8)
 */
export class JdbcNumericBetweenParametersProvider implements JdbcParameterValuesProvider {
  readonly #min: bigint;
  readonly #max: bigint;
  readonly #batches: bigint | null;

  constructor(min: number | bigint, max: number | bigint, batches: bigint | null = null) {
    this.#min = whole('min', min);
    this.#max = whole('max', max);
    this.#batches = batches;
    if (this.#min > this.#max)
      throw new ConfigError(`JdbcNumericBetweenParametersProvider: min ${min} is larger than max ${max}.`);
  }
  ofBatchNum(batches: number): JdbcNumericBetweenParametersProvider {
    return new JdbcNumericBetweenParametersProvider(this.#min, this.#max, positive('ofBatchNum', batches));
  }
  ofBatchSize(size: number): JdbcNumericBetweenParametersProvider {
    const each = positive('ofBatchSize', size);
    const numbers = this.#max - this.#min + 1n;
    return new JdbcNumericBetweenParametersProvider(this.#min, this.#max, (numbers + each - 1n) / each);
  }
  getParameterValues(): readonly (readonly [bigint, bigint])[] {
    if (this.#batches === null)
      throw new ConfigError('JdbcNumericBetweenParametersProvider: call ofBatchNum(n) or ofBatchSize(n).');
    return cutRange(this.#min, this.#max + 1n, Number(this.#batches)).map(({ from, to }) => [from, to - 1n]);
  }
}

export interface Range {
  readonly from: bigint;
  /** Not included. */
  readonly to: bigint;
}

/** [from, to) in at most `parts` ranges, the larger ones first; sizes differ by one at most. */
export function cutRange(from: bigint, to: bigint, parts: number): Range[] {
  const total = to - from;
  const n = BigInt(parts) < total ? BigInt(parts) : total;
  const ranges: Range[] = [];
  let at = from;
  for (let i = 0n; i < n; i++) {
    const size = total / n + (i < total % n ? 1n : 0n);
    ranges.push({ from: at, to: at + size });
    at += size;
  }
  return ranges;
}

function whole(name: string, value: number | bigint): bigint {
  if (typeof value === 'bigint') return value;
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new ConfigError(`JdbcNumericBetweenParametersProvider: ${name} is ${value}; a whole number is needed.`);
}

function positive(name: string, value: number): bigint {
  if (Number.isSafeInteger(value) && value > 0) return BigInt(value);
  throw new ConfigError(`${name}(${value}): a whole number above 0 is needed.`);
}
