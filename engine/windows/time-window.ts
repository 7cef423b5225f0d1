/** Windows (Flink: Window, TimeWindow). */

/** What elements are grouped by, besides their key. A window of your own is a plain class with this method. */
export interface Window {
  /** The largest timestamp that still belongs to it. */
  maxTimestamp(): number;
}

/** A time window [start, end), epoch milliseconds. */
export class TimeWindow implements Window {
  readonly start: number;
  readonly end: number;
  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }

  maxTimestamp(): number {
    return this.end - 1;
  }

  /** True when the windows overlap, or touch: one ends where the other starts. */
  intersects(other: TimeWindow): boolean {
    return this.start <= other.end && this.end >= other.start;
  }

  /** The smallest window that covers both. */
  cover(other: TimeWindow): TimeWindow {
    return new TimeWindow(Math.min(this.start, other.start), Math.max(this.end, other.end));
  }

  toString(): string {
    return `TimeWindow{start=${this.start}, end=${this.end}}`;
  }

  /** The last start ≤ timestamp of windows that start every `sizeMs`, shifted by `offsetMs`. */
  static getWindowStartWithOffset(timestamp: number, offsetMs: number, sizeMs: number): number {
    let past = (timestamp - offsetMs) % sizeMs;
    if (past < 0) past += sizeMs;
    return timestamp - past;
  }
}

export function timeWindow(start: number, end: number): TimeWindow {
  return new TimeWindow(start, end);
}
