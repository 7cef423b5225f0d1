/** A time window [start, end), epoch milliseconds (Flink: TimeWindow). */
export interface TimeWindow {
  readonly start: number;
  readonly end: number;
  /** The largest timestamp that still belongs to it: end − 1. */
  maxTimestamp(): number;
}

export function timeWindow(start: number, end: number): TimeWindow {
  return { start, end, maxTimestamp: () => end - 1 };
}
