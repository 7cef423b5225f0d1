/**
 * How much an epoch may read, from one invocation to the next. An epoch ends reading between two batches; where user code is so slow that not
 * even one batch for each split is done in the function's time, nothing would ever commit. So does a stage that has more to do with what was read
 * than its function has time for. Each time the next epochs get smaller, and each invocation that commits lets them grow again. Pure.
 */
const FIRST_ROWS = 1_000;
const SMALLER = 10;
/** Of what is known to have been read. */
const PART = 4;
const LARGER = 2;
/** Beyond it the time limits an epoch anyway. */
const NO_LIMIT_ROWS = 100_000;

export const TOO_SLOW =
  'an epoch of one record does not end in the time of one invocation. Give the function more time (timeoutSeconds), or make what the job does with a record faster.';

/** `rows`: that the epoch had read; null: not known. Answers null where a single row takes longer than a function may. */
export function fewerRows(limit: number | null, rows: number | null): number | null {
  if (limit === 1 || rows === 1) return null;
  if (rows !== null) return Math.max(1, Math.floor(Math.min(limit ?? Infinity, rows) / PART));
  return limit === null ? FIRST_ROWS : Math.max(1, Math.floor(limit / SMALLER));
}

/** After an invocation that has committed. */
export function moreRows(limit: number | null): number | null {
  return limit === null || limit * LARGER >= NO_LIMIT_ROWS ? null : limit * LARGER;
}
