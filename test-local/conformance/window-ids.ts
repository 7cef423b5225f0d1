/** What several window programs emit: the ids of a window's rows, in order, with the window and the watermark at the firing. */
import type { WindowFunction } from 'millrace';
import type { ConformanceElement } from 'millrace/testing';
import { shownWatermark } from './shown-watermark.ts';

export interface WindowIds {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly ids: readonly string[];
  readonly wm: number | string;
}

export const withIds: WindowFunction<ConformanceElement, WindowIds, string> = (key, ctx, rows) => {
  const { start, end } = ctx.window;
  return [{ key, start, end, ids: rows.map((e) => e.id), wm: shownWatermark(ctx.currentWatermark()) }];
};

/** What the programs show of a late row. */
export const lateRow = ({ id, k, ts, v }: ConformanceElement): object => ({ id, k, ts, v });
