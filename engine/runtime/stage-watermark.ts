/**
 * The watermark of a keyed stage at the end of an epoch: the smallest of its channels that still bring rows, idle ones aside. It never
 * falls, and it is at least the watermark of every row that was processed: a cache that goes on and one that is read back agree (E7a).
 *
 * When all channels have ended, time ends. While some are idle and all others have ended, it does not: the idle ones may still bring
 * rows. Then the watermark stands where the ended ones got to.
 */
import { MAX_WATERMARK } from '../model/watermark.ts';

export type ChannelEnd =
  /** `watermark`: after its last row. */
  { readonly kind: 'open' | 'ended'; readonly watermark: number } | { readonly kind: 'idle' };

export function stageWatermark(previous: number, channels: Iterable<ChannelEnd>): number {
  let open = MAX_WATERMARK;
  let reached = previous;
  let counts = { open: 0, ended: 0, idle: 0 };
  for (const end of channels) {
    counts = { ...counts, [end.kind]: counts[end.kind] + 1 };
    if (end.kind === 'open') open = Math.min(open, end.watermark);
    else if (end.kind === 'ended') reached = Math.max(reached, end.watermark);
  }
  if (counts.open > 0) return Math.max(previous, open);
  if (counts.idle > 0 || counts.ended === 0) return reached;
  return MAX_WATERMARK;
}
