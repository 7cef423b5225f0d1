/** What the suite's window programs compute: sum and count of `v`, with the window and the watermark at the firing. */
import type { WindowFunction } from 'millrace';
import type { ConformanceElement } from 'millrace/testing';
import { shownWatermark } from './shown-watermark.ts';

export interface SumAndCount {
  readonly sum: number;
  readonly count: number;
}

export const sumAndCount = {
  createAccumulator: (): SumAndCount => ({ sum: 0, count: 0 }),
  add: (e: ConformanceElement, a: SumAndCount): SumAndCount => ({ sum: a.sum + e.v, count: a.count + 1 }),
  getResult: (a: SumAndCount): SumAndCount => a,
  merge: (a: SumAndCount, b: SumAndCount): SumAndCount => ({ sum: a.sum + b.sum, count: a.count + b.count }),
};

export interface WindowSums extends SumAndCount {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly watermark: number | string;
}

export const withWindow: WindowFunction<SumAndCount, WindowSums, string> = (key, ctx, [total]) => [
  { key, start: ctx.window.start, end: ctx.window.end, ...total!, watermark: shownWatermark(ctx.currentWatermark()) },
];
