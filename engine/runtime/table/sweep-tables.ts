/**
 * Forgets namespaces of the state table that nobody can read any more (E6). A namespace is begun by the first fold of a state that is not in the
 * table, under a name of the run and the epoch that it folds up to (fold-job.ts). What the head leads to is kept; so is what a fold of a later
 * epoch than the base's has begun, which may be adopted still.
 */
import { mayBeRead } from '../../checkpoint/adopt-fold.ts';
import type { BaseRef, Head } from '../../checkpoint/records.ts';
import type { StateTable } from '../../ports/state-table.ts';

/** `bases`: of everything that the head leads to. Answers with how many namespaces are gone. */
export async function sweepTables(
  table: StateTable,
  head: Pick<Head, 'job' | 'phase'>,
  bases: readonly (BaseRef | null)[],
): Promise<number> {
  const isOver = head.phase.kind === 'finished' || head.phase.kind === 'cancelled';
  let dropped = 0;
  for (const namespace of await table.namespaces(head.job)) {
    // Of several bases, any: a plan in work may stand on an older one still.
    const isKept = bases.some((base) => (isOver ? namespace === base?.table?.namespace : mayBeRead(namespace, base)));
    if (isKept) continue;
    await table.drop(head.job, namespace);
    dropped++;
  }
  return dropped;
}
