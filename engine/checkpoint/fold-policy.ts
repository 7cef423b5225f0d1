/** When the log is folded into a new base (ARCHITECTURE section 5). Folding runs after a commit, never on the path of a result. */
import { MAX_LOG_SEGMENTS } from '../model/limits.ts';
import type { BaseRef, Manifest, SegmentRef } from './records.ts';

/** More segments than this make reading the state back slow: one object each. */
export const FOLD_SEGMENTS = 64;
/** Below this a longer log costs less than folding it. */
export const FOLD_BYTES = 8 * 1024 * 1024;

export type FoldNeed = 'none' | 'due' | 'overdue';

/** Segments after which folding is due (worth it now; planning goes on if it fails), and overdue (planning waits for it). */
export interface FoldLimits {
  readonly due: number;
  readonly overdue: number;
  /** 'outside': somebody else folds beside the next epochs (runtime/fold-outside.ts); the coordinator only what is overdue. Default: 'inline'. */
  readonly where?: 'inline' | 'outside';
}

export const FOLD_LIMITS: FoldLimits = { due: FOLD_SEGMENTS, overdue: MAX_LOG_SEGMENTS };

export function foldNeed(
  state: { readonly base: BaseRef | null; readonly log: readonly SegmentRef[] },
  limits: FoldLimits = FOLD_LIMITS,
): FoldNeed {
  if (state.log.length >= limits.overdue) return 'overdue';
  if (state.log.length > limits.due) return 'due';
  let logBytes = 0;
  for (const segment of state.log) logBytes += segment.object.bytes;
  if (logBytes <= FOLD_BYTES) return 'none';
  let baseBytes = 0;
  for (const snapshot of state.base?.snapshots ?? []) baseBytes += snapshot.object.bytes;
  return logBytes > baseBytes ? 'due' : 'none';
}

/** Is somebody to fold outside? Asked after a commit. */
export const foldWanted = ({ state }: Pick<Manifest, 'state'>, limits: FoldLimits = FOLD_LIMITS): boolean =>
  foldNeed(state, limits) !== 'none';
