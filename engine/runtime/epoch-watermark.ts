/** One watermark for a whole epoch: that of the keyed stage furthest behind; of the splits, in a job without keyed stages. */
import type { Manifest } from '../checkpoint/records.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';

export function epochWatermark({ watermarks, ranges }: Pick<Manifest, 'watermarks' | 'ranges'>): number {
  const stages = Object.values(watermarks);
  const all = stages.length > 0 ? stages : ranges.map((range) => range.state.watermark);
  return all.length === 0 ? MIN_WATERMARK : all.reduce((least, watermark) => Math.min(least, watermark));
}

/** For JSON, whose numbers should be times: null before the first watermark, "end" after the last. */
export function watermarkJson(watermark: number): number | 'end' | null {
  return watermark <= MIN_WATERMARK ? null : watermark >= MAX_WATERMARK ? 'end' : watermark;
}
