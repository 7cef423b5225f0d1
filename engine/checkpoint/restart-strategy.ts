/**
 * Flink's restart strategies as pure functions: (strategy, history, now) → delay or fail. No jitter, so that a run repeats.
 * Defaults: Flink 2.1, `restart-strategy.*`.
 */
import type { RestartStrategy } from '../model/restart-strategy.ts';

export interface RestartHistory {
  /** Failures since the start, or since the exponential backoff was last reset. */
  readonly failures: number;
  readonly lastFailureMs: number | null;
  readonly backoffMs: number;
  /** Times of the failures inside the failure-rate interval: at most maxFailures + 1. */
  readonly recentMs: readonly number[];
}

export type RestartDecision =
  { readonly kind: 'restart'; readonly delayMs: number } | { readonly kind: 'fail'; readonly reason: string };

export const NO_FAILURES: RestartHistory = { failures: 0, lastFailureMs: null, backoffMs: 0, recentMs: [] };

/** The same history by another clock, `byMs` ahead of its own. */
export function shifted(history: RestartHistory, byMs: number): RestartHistory {
  const { lastFailureMs, recentMs } = history;
  return {
    ...history,
    lastFailureMs: lastFailureMs === null ? null : lastFailureMs + byMs,
    recentMs: recentMs.map((ms) => ms + byMs),
  };
}

/** What to do about a failure at `nowMs` (any clock that does not go back). */
export function decideRestart(
  strategy: RestartStrategy,
  history: RestartHistory,
  nowMs: number,
): { readonly history: RestartHistory; readonly decision: RestartDecision } {
  const failed: RestartHistory = { ...history, failures: history.failures + 1, lastFailureMs: nowMs };
  const restart = (next: RestartHistory, delayMs: number) => ({
    history: next,
    decision: { kind: 'restart', delayMs } as const,
  });
  const fail = (reason: string) => ({ history: failed, decision: { kind: 'fail', reason } as const });
  switch (strategy.kind) {
    case 'none':
      return fail('no restart strategy');
    case 'fixedDelay':
      if (failed.failures > strategy.attempts)
        return fail(`failed ${failed.failures} times; fixedDelay allows ${strategy.attempts} restarts`);
      return restart(failed, strategy.delayMs);
    case 'exponentialDelay': {
      const quiet =
        history.lastFailureMs !== null &&
        nowMs - history.lastFailureMs >= strategy.resetThresholdMs + history.backoffMs;
      const fresh = history.lastFailureMs === null || quiet;
      const failures = fresh ? 1 : failed.failures;
      if (strategy.attemptsBeforeReset !== null && failures > strategy.attemptsBeforeReset)
        return fail(
          `failed ${failures} times in a row; exponentialDelay allows ${strategy.attemptsBeforeReset} restarts`,
        );
      const backoffMs = fresh
        ? strategy.initialBackoffMs
        : Math.min(strategy.maxBackoffMs, Math.round(history.backoffMs * strategy.multiplier));
      return restart({ ...failed, failures, backoffMs }, backoffMs);
    }
    case 'failureRate': {
      const recentMs = [...history.recentMs.filter((t) => nowMs - t <= strategy.intervalMs), nowMs].slice(
        -(strategy.maxFailures + 1),
      );
      if (recentMs.length > strategy.maxFailures)
        return fail(
          `failed ${recentMs.length} times in ${strategy.intervalMs} ms; failureRate allows ${strategy.maxFailures}`,
        );
      return restart({ ...failed, recentMs }, strategy.delayMs);
    }
  }
}

/** It delays no restart for longer. */
export function longestDelayMs(strategy: RestartStrategy): number {
  switch (strategy.kind) {
    case 'none':
      return 0;
    case 'fixedDelay':
    case 'failureRate':
      return strategy.delayMs;
    case 'exponentialDelay':
      return strategy.maxBackoffMs;
  }
}
