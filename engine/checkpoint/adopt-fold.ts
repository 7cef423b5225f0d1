/**
 * Folds that were written beside the epochs (ARCHITECTURE section 5). A record of epoch r holds the committed state up to r of its run,
 * whose commits are one line, so it stands for the log up to r of every later manifest of that run: adopting it changes no answer. It is
 * of use as long as some of that log is still there; once it is not it never is again, and then the record is garbage (E6).
 */
import { stateOf } from './build-plan.ts';
import type { BaseRef, FoldRecord, Head, SegmentRef } from './records.ts';
import type { Base } from './states.ts';

/** Does a fold up to `epoch` stand for any of this log? */
export const standsFor = (epoch: number, log: readonly SegmentRef[]): boolean =>
  log.some((segment) => segment.epoch <= epoch);

/** `base`, with the record instead of the log that it stands for, if it may stand for it. */
export function adopted(base: Base, record: FoldRecord | null, { run }: Pick<Head, 'run'>): Base {
  if (record === null || base.manifest === null) return base;
  const state = stateOf(base);
  const isCommitted = record.run === run && record.epoch <= base.manifest.epoch;
  const isThere = record.base.table === undefined || mayBeRead(record.base.table.namespace, state.base);
  return isCommitted && isThere && standsFor(record.epoch, state.log) ? { ...base, folded: record } : base;
}

/** The namespace of the state table that a first fold up to `epoch` begins. */
export const namespaceOf = (run: string, epoch: number): string => `${run}-${epoch}`;

/**
 * Is a namespace there for whoever stands on `base`? It is the base's own, or was begun by a fold of a later epoch. Any other may have been dropped, and
 * begun again by a fold that was late: with less in it than its record says (E6).
 */
export function mayBeRead(namespace: string, base: BaseRef | null): boolean {
  const begunBy = Number(namespace.slice(namespace.lastIndexOf('-') + 1));
  return namespace === base?.table?.namespace || begunBy > (base?.epoch ?? 0);
}
