/** The watermark of a keyed stage at the end of an epoch: the smallest of its channels, idle ones aside; it never falls. */
import { MAX_WATERMARK } from '../model/watermark.ts';

/** One channel at the end of the epoch: `watermark` null when it is idle and counts for nothing. */
export interface ChannelEnd {
  readonly stage: string;
  readonly watermark: number | null;
}

export function stageWatermark(previous: number, channels: Iterable<number | null>): number {
  let watermark = MAX_WATERMARK;
  let counted = false;
  let idle = false;
  for (const own of channels) {
    if (own === null) {
      idle = true;
      continue;
    }
    counted = true;
    if (own < watermark) watermark = own;
  }
  // An idle channel may still bring rows: that all others have ended is not yet the end of time.
  if (watermark === MAX_WATERMARK && idle) return previous;
  return counted ? Math.max(previous, watermark) : previous;
}
