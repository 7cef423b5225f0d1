/**
 * Runs one fanned-out epoch over its workers: read, then stage after stage with a shuffle before each, then stage the output. The order
 * in which workers answer decides nothing (E7a): blocks are merged by channel, and a stage starts when all its senders have answered.
 */
import type { Ack, Plan } from '../../checkpoint/records.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { AttemptId } from '../../model/ids.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { stageWatermark, upstreamEnds } from '../stage-watermark.ts';
import { mergeAcks } from './merge-acks.ts';
import type { Block, ReadBudget, SubtaskPeer } from './subtask-peer.ts';

/** Splits in turn, so that neighbours in the order of ids, often of one file or topic, are read by different workers. */
export function splitsOf(plan: Plan, worker: number, workers: number): string[] {
  return plan.splits.filter((_, i) => i % workers === worker).map((split) => split.id);
}

export async function runFannedOut(
  graph: JobGraph,
  peers: readonly SubtaskPeer[],
  plan: Plan,
  attempt: AttemptId,
  budget: ReadBudget,
): Promise<Ack> {
  const all = async <R>(work: (peer: SubtaskPeer, i: number) => Promise<R>): Promise<R[]> =>
    await settled(peers.map(work));
  await all((peer, i) => peer.begin(plan, splitsOf(plan, i, peers.length)));
  const reads = await all((peer) => peer.read(budget));
  const ended = mayEnd(graph, plan) && reads.every((read) => read.ended);
  const blocks: Block[] = reads.flatMap((read) => read.blocks);
  const watermarks: Record<string, number> = {};
  for (const node of graph.nodes) {
    if (node.operator.kind !== 'keyed') continue;
    const own = reads.flatMap(({ channels }) =>
      channels.filter(({ stage }) => stage === node.uid).map(({ end }) => end),
    );
    const upstream = upstreamEnds(node, (uid) => watermarks[uid], ended);
    const watermark = stageWatermark(plan.watermarks[node.uid] ?? MIN_WATERMARK, [...own, ...upstream]);
    watermarks[node.uid] = watermark;
    const reports = await all((peer, i) =>
      peer.stage(
        node.uid,
        watermark,
        blocks.filter((block) => block.stage === node.uid && block.receiver === i).map((block) => block.bytes),
      ),
    );
    blocks.push(...reports.flatMap((report) => report.blocks));
  }
  const parts = await all((peer) => peer.finish(attempt));
  return mergeAcks(attempt, parts, watermarks, ended);
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

/** All answers, or the first failure, but never before everyone has stopped: nobody works on an attempt that has failed. */
async function settled<R>(work: readonly Promise<R>[]): Promise<R[]> {
  const outcomes = await Promise.allSettled(work);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
