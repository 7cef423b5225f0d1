/** How far the rows of a sink have come with an epoch, as its manifest says: the smallest watermark of all that feeds the sink. */
import type { Manifest, SplitState } from '../checkpoint/records.ts';
import type { JobNode } from '../graph/job-graph.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { SinkProgress } from '../ports/sink.ts';
import { idlenessOf } from './idleness.ts';
import { idleAt } from './split-task.ts';
import { headsOf } from './stage-graph.ts';
import { stageWatermark, upstreamEnds, type ChannelEnd } from './stage-watermark.ts';

export function followsWatermark({ operator }: JobNode): boolean {
  return operator.kind === 'sink' && operator.sink.followsWatermark === true;
}

export function sinkProgress(node: JobNode, manifest: Manifest): SinkProgress {
  const { run, epoch, clock, ended } = manifest;
  const channels: ChannelEnd[] = upstreamEnds(node, (uid) => manifest.watermarks[uid], ended);
  for (const head of headsOf(node)) {
    if (head.operator.kind !== 'source') continue;
    const idlenessMs = idlenessOf(head);
    for (const { id, state } of manifest.ranges)
      if (id.startsWith(`${head.uid}/`)) channels.push(channelOf(node.uid, state, clock, idlenessMs));
  }
  return {
    run,
    epoch,
    clockMs: clock,
    ended,
    watermark: ended ? MAX_WATERMARK : stageWatermark(MIN_WATERMARK, channels),
  };
}

function channelOf(sink: string, state: SplitState, clockMs: number, idlenessMs: number | null): ChannelEnd {
  const watermark = state.sinks?.[sink] ?? MIN_WATERMARK;
  if (state.ended) return { kind: 'ended', watermark };
  const idle = state.idle === true || idleAt(state.idleSince, clockMs, idlenessMs);
  return idle ? { kind: 'idle' } : { kind: 'open', watermark };
}
