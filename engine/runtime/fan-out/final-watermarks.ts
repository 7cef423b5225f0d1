/** What a fanned-out epoch's reading decides for all stages behind it: their final watermarks, and whether time ends. Pure. */
import type { Plan } from '../../checkpoint/records.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { stageWatermark, upstreamEnds } from '../stage-watermark.ts';
import type { ReadReport } from './subtask-peer.ts';

export interface FinalWatermarks {
  /** Of each keyed stage. */
  readonly watermarks: Readonly<Record<string, number>>;
  readonly ended: boolean;
}

export function finalWatermarks(
  graph: JobGraph,
  plan: Plan,
  reads: readonly Pick<ReadReport, 'channels' | 'ended'>[],
): FinalWatermarks {
  const ended = mayEnd(graph, plan) && reads.every((read) => read.ended);
  const watermarks: Record<string, number> = {};
  for (const node of graph.nodes) {
    if (node.operator.kind !== 'keyed') continue;
    const { uid } = node;
    const own = reads.flatMap(({ channels }) => channels.filter(({ stage }) => stage === uid).map(({ end }) => end));
    const upstream = upstreamEnds(node, (other) => watermarks[other], ended);
    watermarks[uid] = stageWatermark(plan.watermarks[uid] ?? MIN_WATERMARK, [...own, ...upstream]);
  }
  return { watermarks, ended };
}

/** An unbounded source that has shown no split yet may still show one. */
function mayEnd(graph: JobGraph, plan: Plan): boolean {
  return graph.nodes.every(
    ({ uid, operator }) =>
      operator.kind !== 'source' ||
      operator.source.bounded ||
      (operator.source.endless !== true && plan.splits.some((split) => split.id.startsWith(`${uid}/`))),
  );
}
