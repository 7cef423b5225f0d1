/** The stages of a staged epoch and their subtasks, as the plan has them. Pure, and the same for everybody who reads the plan. */
import type { Plan } from '../../../checkpoint/records.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import { ConfigError } from '../../../model/errors.ts';
import { assignSplits, splitsOf } from '../assign-splits.ts';
import { SOURCES } from './stage-records.ts';

export interface StageShape {
  readonly stage: string;
  readonly subtasks: number;
}

/** In the order in which they run. */
export function stagesOf(graph: JobGraph, plan: Plan): StageShape[] {
  const widths = Object.values(sourceSubtasks(graph, plan));
  const stages: StageShape[] = [{ stage: SOURCES, subtasks: Math.max(1, ...widths) }];
  for (const { uid, operator } of graph.nodes)
    if (operator.kind === 'keyed') stages.push({ stage: uid, subtasks: plan.subtasks[uid] ?? 1 });
  return stages;
}

/** The splits that a subtask of the sources reads. Nobody remembers who read them in the epoch before: the plan alone says it. */
export function splitsOfSubtask(graph: JobGraph, plan: Plan, subtask: number): string[] {
  const subtasks = sourceSubtasks(graph, plan);
  const workers = Math.max(1, ...Object.values(subtasks));
  return splitsOf(plan, subtask, assignSplits({ splits: plan.splits, subtasks }, workers, new Map()));
}

/** Plans of fused epochs name no subtasks of sources. */
function sourceSubtasks(graph: JobGraph, plan: Plan): Record<string, number> {
  const sources = graph.nodes.filter(({ operator }) => operator.kind === 'source');
  return Object.fromEntries(sources.map(({ uid }) => [uid, plan.subtasks[uid] ?? 1]));
}

export function checkStageNames(graph: JobGraph): void {
  if (graph.nodes.some(({ uid, operator }) => operator.kind === 'keyed' && uid === SOURCES))
    throw new ConfigError(
      `job "${graph.job}": a keyed operator has the uid "${SOURCES}", which is the name of the stage that reads the sources in fanned-out epochs. Give it another uid, or keep to fused epochs.`,
      { job: graph.job, operator: SOURCES },
    );
}
