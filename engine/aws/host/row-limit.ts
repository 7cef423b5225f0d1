/**
 * How much an epoch may read, from one invocation to the next. An epoch ends reading between two batches; where user code is so slow that not
 * even one batch for each split is done in the function's time, nothing would ever commit. So each such invocation makes the next one's
 * epochs smaller, and each that commits lets them grow again.
 */
import type { Verdict } from './coordinator-answer.ts';

const FIRST_ROWS = 1_000;
const SMALLER = 10;
const LARGER = 2;
/** Beyond it the time limits an epoch anyway. */
const NO_LIMIT_ROWS = 100_000;

export interface NextRows {
  readonly limit: number | null;
  /** Not null: a single row takes longer than a function may. */
  readonly tooSlow: Verdict | null;
}

export function nextRowLimit(limit: number | null, epochs: number, outOfTime: boolean): NextRows {
  if (epochs > 0) {
    const larger = limit === null ? Infinity : limit * LARGER;
    return { limit: larger >= NO_LIMIT_ROWS ? null : larger, tooSlow: null };
  }
  if (!outOfTime) return { limit, tooSlow: null };
  if (limit === 1) {
    const message =
      'an epoch of one record does not end in the time of one invocation. Give the function more time (timeoutSeconds), or make what the job does with a record faster.';
    return { limit, tooSlow: { status: 'failed', error: { code: 'config', message } } };
  }
  return { limit: limit === null ? FIRST_ROWS : Math.max(1, Math.floor(limit / SMALLER)), tooSlow: null };
}
