/**
 * Forgets namespaces of the state table that nobody can read any more (E6). A namespace is begun by the first fold of a state that is not in the
 * table, under a name of the run and the epoch that it folds up to (fold-job.ts). What the head leads to is kept; so is what a fold of a later
 * epoch than the base's has begun, which may be adopted still.
 */
import type { BaseRef, Head } from '../../checkpoint/records.ts';
import type { StateTable } from '../../ports/state-table.ts';

/** The namespace that a first fold begins. */
export const namespaceOf = (run: string, epoch: number): string => `${run}-${epoch}`;

/** `bases`: of everything that the head leads to. Answers with how many namespaces are gone. */
export async function sweepTables(
  table: StateTable,
  head: Pick<Head, 'job' | 'phase'>,
  bases: readonly (BaseRef | null)[],
): Promise<number> {
  const kept = new Set(bases.flatMap((base) => base?.table?.namespace ?? []));
  // Of several, the oldest: a plan in work may stand on it still.
  const decided = Math.min(...bases.map((base) => base?.epoch ?? 0));
  const isOver = head.phase.kind === 'finished' || head.phase.kind === 'cancelled';
  let dropped = 0;
  for (const namespace of await table.namespaces(head.job)) {
    const epoch = Number(namespace.slice(namespace.lastIndexOf('-') + 1));
    if (kept.has(namespace) || !(isOver || epoch <= decided)) continue;
    await table.drop(head.job, namespace);
    dropped++;
  }
  return dropped;
}
