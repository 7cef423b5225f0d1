/** When an asynchronous request is made again (Flink: AsyncRetryStrategy, AsyncRetryPredicate). */
import { ConfigError } from '../model/errors.ts';

export interface AsyncRetryStrategy<OUT> {
  /** `attempts`: requests made so far. */
  canRetry(attempts: number): boolean;
  backoffMs(attempts: number): number;
  retriesOnResult(result: readonly OUT[]): boolean;
  retriesOnException(error: unknown): boolean;
}

export const RetryPredicates = {
  EMPTY_RESULT_PREDICATE: (result: readonly unknown[]): boolean => result.length === 0,
  HAS_EXCEPTION_PREDICATE: (_error: unknown): boolean => true,
} as const;

abstract class RetryStrategyBuilder<OUT> {
  protected readonly maxAttempts: number;
  private onResult: (result: readonly OUT[]) => boolean = () => false;
  private onException: (error: unknown) => boolean = () => false;

  constructor(maxAttempts: number) {
    if (!Number.isInteger(maxAttempts) || maxAttempts < 1)
      throw new ConfigError(`a retry strategy makes 1 further attempt or more; got ${maxAttempts}.`);
    this.maxAttempts = maxAttempts;
  }

  /** Asks again when the result looks like this. */
  ifResult(predicate: (result: readonly OUT[]) => boolean): this {
    this.onResult = predicate;
    return this;
  }
  /** Asks again after an error like this. */
  ifException(predicate: (error: unknown) => boolean): this {
    this.onException = predicate;
    return this;
  }

  build(): AsyncRetryStrategy<OUT> {
    const { maxAttempts, onResult, onException } = this;
    return {
      canRetry: (attempts) => attempts <= maxAttempts,
      backoffMs: (attempts) => this.backoffMs(attempts),
      retriesOnResult: (result) => onResult(result),
      retriesOnException: (error) => onException(error),
    };
  }

  protected abstract backoffMs(attempts: number): number;
}

export class FixedDelayRetryStrategyBuilder<OUT> extends RetryStrategyBuilder<OUT> {
  private readonly delayMs: number;
  /** `maxAttempts`: requests after the first one. */
  constructor(maxAttempts: number, delayMs: number) {
    super(maxAttempts);
    this.delayMs = checkedDelay(delayMs);
  }
  protected backoffMs(): number {
    return this.delayMs;
  }
}

/** The first pause is `initialDelayMs`; each further one is `multiplier` times as long, up to `maxDelayMs`. */
export class ExponentialBackoffDelayRetryStrategyBuilder<OUT> extends RetryStrategyBuilder<OUT> {
  private readonly initialDelayMs: number;
  private readonly maxDelayMs: number;
  private readonly multiplier: number;
  constructor(maxAttempts: number, initialDelayMs: number, maxDelayMs: number, multiplier: number) {
    super(maxAttempts);
    if (!(multiplier >= 1)) throw new ConfigError(`the multiplier of a backoff is 1 or more; got ${multiplier}.`);
    this.initialDelayMs = checkedDelay(initialDelayMs);
    this.maxDelayMs = checkedDelay(maxDelayMs);
    this.multiplier = multiplier;
  }
  protected backoffMs(attempts: number): number {
    return Math.min(this.maxDelayMs, this.initialDelayMs * this.multiplier ** (attempts - 1));
  }
}

function checkedDelay(delayMs: number): number {
  if (Number.isFinite(delayMs) && delayMs >= 0) return delayMs;
  throw new ConfigError(`a delay is a number of milliseconds, 0 or more; got ${delayMs}.`);
}
