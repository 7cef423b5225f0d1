/**
 * Run ids compare as strings in the order in which the runs began: a sink's marker (run, epoch) is monotone over a restore (E5),
 * so a publisher of an older run recognises by comparing that it has been replaced.
 */
import { runId, type RunId, type WallTimeMs } from '../model/ids.ts';

/** 14 digits: until the year 5138. */
const DIGITS = 14;

/** A new run's id, greater than `previous` even if the clock went back. */
export function nextRunId(previous: RunId | null, nowMs: WallTimeMs, session: string): RunId {
  const last = previous === null ? -1 : Number(previous.slice(1, 1 + DIGITS));
  return runId(`r${String(Math.max(nowMs, last + 1)).padStart(DIGITS, '0')}-${session}`);
}

/** Is it the run that this session began? */
export const beganRun = (run: RunId, session: string): boolean => run.slice(1 + DIGITS) === `-${session}`;

/** Order of markers: negative when (run, epoch) `a` comes before `b`. */
export function compareMarkers(
  a: { readonly run: string; readonly epoch: number },
  b: { readonly run: string; readonly epoch: number },
): number {
  if (a.run !== b.run) return a.run < b.run ? -1 : 1;
  return a.epoch - b.epoch;
}
