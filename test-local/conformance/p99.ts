/** The guide's P99Calculator: rows of a window, sorted, and the one at 99 %. */
import type { WindowFunction } from 'millrace';
import type { ConformanceElement } from 'millrace/testing';

export interface P99 {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly n: number;
  readonly p99: number;
}

export const p99: WindowFunction<ConformanceElement, P99, string> = (key, ctx, rows) => {
  const sorted = rows.map((e) => e.v).sort((a, b) => a - b);
  const { start, end } = ctx.window;
  return [{ key, start, end, n: sorted.length, p99: sorted[Math.floor(sorted.length * 0.99)]! }];
};
