/** A watermark as the suite writes it down. */
import { MAX_WATERMARK, MIN_WATERMARK } from 'millrace';

export const shownWatermark = (watermark: number): number | string =>
  watermark >= MAX_WATERMARK ? 'MAX' : watermark <= MIN_WATERMARK ? 'MIN' : watermark;
