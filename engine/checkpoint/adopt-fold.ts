/**
 * Folds that were written beside the epochs (ARCHITECTURE section 5). A record of epoch r holds the committed state up to r of its run,
 * whose commits are one line, so it stands for the log up to r of every later manifest of that run: adopting it changes no answer. It is
 * of use as long as some of that log is still there; once it is not it never is again, and then the record is garbage (E6).
 */
import { stateOf } from './build-plan.ts';
import type { FoldRecord, Head, SegmentRef } from './records.ts';
import type { Base } from './states.ts';

/** Does a fold up to `epoch` stand for any of this log? */
export const standsFor = (epoch: number, log: readonly SegmentRef[]): boolean =>
  log.some((segment) => segment.epoch <= epoch);

/** `base`, with the record instead of the log that it stands for, if it may stand for it. */
export function adopted(base: Base, record: FoldRecord | null, { run }: Pick<Head, 'run'>): Base {
  if (record === null || base.manifest === null) return base;
  const isCommitted = record.run === run && record.epoch <= base.manifest.epoch;
  return isCommitted && standsFor(record.epoch, stateOf(base).log) ? { ...base, folded: record } : base;
}
