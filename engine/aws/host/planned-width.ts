/** Subtasks per stage as plans have them: those of fanned-out epochs give some to sources as well. */
import type { Plan } from '../../checkpoint/records.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';

type Graph = RunnerOptions['graph'];

export function isFannedOut({ nodes }: Graph, { subtasks }: Pick<Plan, 'subtasks'>): boolean {
  return nodes.some(({ operator, uid }) => operator.kind === 'source' && subtasks[uid] !== undefined);
}

/** A source gets no more subtasks than there are splits to read, an operator no more than its parallelism. */
export function subtasksOf({ nodes }: Graph, width: number, splits: number): Readonly<Record<string, number>> {
  const subtasks: Record<string, number> = {};
  for (const { uid, operator, parallelism } of nodes) {
    if (operator.kind === 'keyed') subtasks[uid] = Math.min(width, parallelism);
    else if (operator.kind === 'source') subtasks[uid] = Math.min(width, parallelism, Math.max(1, splits));
  }
  return subtasks;
}
