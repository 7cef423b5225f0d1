/**
 * Paced epochs: an invocation reads what there is, and does not wait for more; the state machine waits, for the rest of the interval. Pure.
 * Due times are a grid, so that what is rounded or late in one wait is made up for in the next.
 */
/** Shorter intervals than this are kept within an invocation: a state machine waits in whole seconds. */
export const PACED_FROM_MS = 3_000;

export interface PacedWait {
  readonly waitSeconds: number;
  /** When the epoch after the wait is due, by the wall clock. */
  readonly dueMs: number;
}

/** `beganMs`: the last epoch. `dueMs`: when it had been due; null: nobody said. */
export function pacedWait(
  { intervalMs, minPauseMs }: { readonly intervalMs: number; readonly minPauseMs: number },
  beganMs: number,
  dueMs: number | null,
  nowMs: number,
): PacedWait {
  // An epoch far off its time has begun a grid of its own.
  const onGrid = dueMs !== null && Math.abs(beganMs - dueMs) < intervalMs;
  const next = Math.max((onGrid ? dueMs : beganMs) + intervalMs, nowMs + minPauseMs);
  return { waitSeconds: Math.max(1, Math.round((next - nowMs) / 1000)), dueMs: next };
}
