/**
 * 'auto' on AWS: how many subtasks the next epoch gets, and how many rows it may read. Pure.
 *
 * Its work is what was left and what comes meanwhile, at the measured cost of a row. What one subtask does within the epoch's interval runs fused;
 * else there are as many as would do it in that time. A Lambda invocation more costs next to nothing, so there are no trials and no steps: the
 * epoch after a backlog was seen has the full width, and the one after it has gone is fused again. With a speed that was never measured the epoch
 * is fused: it will be measured by what it leaves.
 */
import { FUSED, fannedOutCost, type Speeds } from './speeds.ts';

export interface WidthLimits {
  readonly intervalMs: number;
  /** The job's parallelism. */
  readonly most: number;
}

/** 1: fused. */
export function widthOf(speeds: Speeds, { intervalMs, most }: WidthLimits): number {
  const { left, arriving, splits } = speeds;
  const fanned = fannedOutCost(speeds);
  const fused = speeds.msPerRow[FUSED] ?? fanned;
  if (most <= 1 || fused === null) return 1;
  // Somewhere is more, and nobody knows how much.
  if (left === null) return (splits ?? 0) > 0 ? most : 1;
  const rows = left + (arriving ?? 0) * intervalMs;
  if (rows * fused <= intervalMs) return 1;
  return Math.min(most, Math.max(2, Math.ceil((rows * (fanned ?? fused)) / intervalMs)));
}

/** Rows of a fanned-out epoch, so that no stage of this width takes longer than the interval; null: nothing is known to. */
export function rowsInTime({ msPerRow }: Speeds, width: number, intervalMs: number): number | null {
  const slowest = Math.max(0, ...Object.entries(msPerRow).map(([stage, ms]) => (stage === FUSED ? 0 : ms)));
  return slowest === 0 ? null : Math.max(1, Math.floor((width * intervalMs) / slowest));
}
