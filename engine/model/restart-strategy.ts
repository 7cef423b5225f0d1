/**
 * When a failed attempt is tried again (Flink: restart strategies). Defaults: Flink 2.1, `restart-strategy.*`. What is decided by them:
 * engine/checkpoint/restart-strategy.ts.
 */
export type RestartStrategy =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixedDelay'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly kind: 'exponentialDelay';
      readonly initialBackoffMs: number;
      readonly maxBackoffMs: number;
      readonly multiplier: number;
      /** Without a failure for this long (beyond the current backoff) the backoff starts anew. */
      readonly resetThresholdMs: number;
      /** Failures in a row before the job fails; null: never. */
      readonly attemptsBeforeReset: number | null;
    }
  | {
      readonly kind: 'failureRate';
      readonly maxFailures: number;
      readonly intervalMs: number;
      readonly delayMs: number;
    };

/** Fails at the first failure. */
export const none = (): RestartStrategy => ({ kind: 'none' });
/** Up to `attempts` restarts, each after `delayMs`. Flink's defaults: 1 and 1 s. */
export const fixedDelay = (attempts = 1, delayMs = 1000): RestartStrategy => ({
  kind: 'fixedDelay',
  attempts,
  delayMs,
});
/** 1 s, 1.5 s, 2.25 s … up to 1 min; starts anew after an hour without failure. */
export const exponentialDelay = (
  options: Partial<Omit<Extract<RestartStrategy, { kind: 'exponentialDelay' }>, 'kind'>> = {},
): RestartStrategy => ({
  kind: 'exponentialDelay',
  initialBackoffMs: options.initialBackoffMs ?? 1000,
  maxBackoffMs: options.maxBackoffMs ?? 60_000,
  multiplier: options.multiplier ?? 1.5,
  resetThresholdMs: options.resetThresholdMs ?? 3_600_000,
  attemptsBeforeReset: options.attemptsBeforeReset ?? null,
});
/** Fails when more than `maxFailures` failures fall within `intervalMs`. */
export const failureRate = (maxFailures = 1, intervalMs = 60_000, delayMs = 1000): RestartStrategy => ({
  kind: 'failureRate',
  maxFailures,
  intervalMs,
  delayMs,
});
