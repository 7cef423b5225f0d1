/**
 * The watermark of a keyed stage at the end of an epoch: the smallest of its channels that still bring rows, idle ones aside. It never
 * falls, and it is at least the watermark of every row that was processed: a cache that goes on and one that is read back agree (E7a).
 *
 * When all channels have ended, time ends. While some are idle and all others have ended, it does not: the idle ones may still bring
 * rows. Then the watermark stands where the ended ones got to.
 */
import type { JobNode } from '../graph/job-graph.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import { headsOf } from './stage-graph.ts';

export type ChannelEnd =
  /** `watermark`: after its last row. */
  { readonly kind: 'open' | 'ended'; readonly watermark: number } | { readonly kind: 'idle' };

export function stageWatermark(previous: number, channels: Iterable<ChannelEnd>): number {
  let open = MAX_WATERMARK;
  let reached = previous;
  const seen = { open: false, ended: false, idle: false };
  for (const end of channels) {
    seen[end.kind] = true;
    if (end.kind === 'open') open = Math.min(open, end.watermark);
    else if (end.kind === 'ended') reached = Math.max(reached, end.watermark);
  }
  if (seen.open) return Math.max(previous, open);
  if (seen.idle || !seen.ended) return reached;
  return MAX_WATERMARK;
}

/**
 * The other stages that feed `node`, as channels at the end of the epoch: they end with time. `ended`: all input has; that is what ends the
 * dead letters, which have no watermark of their own.
 */
export function upstreamEnds(
  node: JobNode,
  watermarkOf: (uid: string) => number | undefined,
  ended: boolean,
): ChannelEnd[] {
  return [...headsOf(node)]
    .filter((head) => head.operator.kind !== 'source')
    .map(({ uid }) => {
      const watermark = watermarkOf(uid) ?? (ended ? MAX_WATERMARK : MIN_WATERMARK);
      return { kind: watermark === MAX_WATERMARK ? 'ended' : 'open', watermark };
    });
}
