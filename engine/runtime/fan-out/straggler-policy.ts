/**
 * When a subtask that has not answered is given to another worker as well. Pure: times in, whom to re-issue out.
 *
 * A straggler has worked at a phase (begin, read, a stage, finish) for more than `factor` times the median of those that have answered it, and
 * for `floorMs` at least. Until half of all have answered there is nothing to compare with. No more than two work at a subtask
 * at once, and it is re-issued MAX_REISSUES times an attempt at most, for whatever reason: then it is waited for, up to the
 * attempt's timeout.
 */
export interface StragglerLimits {
  readonly factor: number;
  readonly floorMs: number;
}

/** A worker thread takes a second or two to start and to read its state: a subtask must be much later than that. */
export const STRAGGLER_LIMITS: StragglerLimits = { factor: 4, floorMs: 10_000 };

export const MAX_REISSUES = 2;

export interface SubtaskTime {
  readonly subtask: number;
  /** Since the phase began, up to its answer or to now. */
  readonly tookMs: number;
  readonly answered: boolean;
  /** Workers at it now. */
  readonly copies: number;
  /** How often it was re-issued in this attempt. */
  readonly reissues: number;
}

export interface Verdict {
  readonly reissue: readonly number[];
  /** Look again after so many milliseconds; null: not before somebody answers. */
  readonly againMs: number | null;
}

export function stragglers(times: readonly SubtaskTime[], limits: StragglerLimits): Verdict {
  const took = times.filter((time) => time.answered).map((time) => time.tookMs);
  if (took.length * 2 < times.length) return { reissue: [], againMs: null };
  took.sort((a, b) => a - b);
  const limitMs = Math.max(limits.floorMs, limits.factor * took[(took.length - 1) >> 1]!);
  const reissue: number[] = [];
  let againMs: number | null = null;
  for (const { subtask, tookMs, answered, copies, reissues } of times) {
    if (answered || copies !== 1 || reissues >= MAX_REISSUES) continue;
    if (tookMs > limitMs) reissue.push(subtask);
    else againMs = Math.min(againMs ?? Infinity, limitMs - tookMs + 1);
  }
  return { reissue, againMs };
}
