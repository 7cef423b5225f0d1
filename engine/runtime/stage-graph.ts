/** How the job graph falls into stages: which keyed operators are fed by sources only, and what must not be. */
import type { JobGraph, JobNode } from '../graph/job-graph.ts';
import { ConfigError } from '../model/errors.ts';

/** Heads of stages that reach the node through forward edges: sources, keyed operators, the dead letters. */
export function headsOf(node: JobNode): Set<JobNode> {
  const heads = new Set<JobNode>();
  for (const { from } of node.inputs) {
    if (from.operator.kind === 'stateless') for (const head of headsOf(from)) heads.add(head);
    else heads.add(from);
  }
  return heads;
}

/** True if the operator's rows must wait for the end of the epoch: a stage before it may still emit early ones. */
export function isBuffered(node: JobNode): boolean {
  return [...headsOf(node)].some((head) => head.operator.kind !== 'source');
}

export function checkStages(graph: JobGraph): void {
  for (const node of graph.nodes) {
    if (node.operator.kind !== 'stateless' || !node.operator.setsTimestamps) continue;
    const heads = [...headsOf(node)].map((head) => head.operator.kind);
    if (heads.includes('dead-letters')) {
      throw new ConfigError(
        `job "${graph.job}": "${node.name}" assigns timestamps to dead letters, which come from many splits and have no watermark of their own. Write them to a sink, or use processing time.`,
      );
    }
    if (heads.includes('keyed')) {
      throw new ConfigError(
        `job "${graph.job}": "${node.name}" assigns timestamps behind a keyed operator, where rows have them already (a window's max timestamp, a timer's time). Call assignTimestampsAndWatermarks before keyBy.`,
      );
    }
  }
}

/** The keyed operators, in topological order. */
export function keyedNodes(graph: JobGraph): JobNode[] {
  return graph.nodes.filter((node) => node.operator.kind === 'keyed');
}
