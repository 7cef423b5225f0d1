/**
 * Sessions: windows that end when nothing has come for a while, and merge when something comes in between (Flink:
 * EventTimeSessionWindows, ProcessingTimeSessionWindows). Each element is a window [t, t + gap) at first; those that overlap or
 * touch become one.
 */
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { requireTimestamp } from './require-timestamp.ts';
import { TimeWindow, type Window } from './time-window.ts';
import { EventTimeTrigger, ProcessingTimeTrigger } from './time-triggers.ts';
import type { Trigger } from './trigger.ts';
import { MergingWindowAssigner, type MergeCallback, type WindowAssignerContext } from './window-assigner.ts';

/** The gap in milliseconds, by element (Flink: SessionWindowTimeGapExtractor). Depends on the element only. */
export type SessionGap<T> = (element: T) => number;

abstract class SessionWindows<T> extends MergingWindowAssigner<T, TimeWindow> {
  /** A constant gap, or null where it is dynamic. */
  readonly gapMs: number | null;
  private readonly extract: SessionGap<T> | null;
  constructor(gap: number | SessionGap<T>) {
    super();
    this.gapMs = typeof gap === 'number' ? checkedGap(gap) : null;
    this.extract = typeof gap === 'number' ? null : gap;
  }

  gapOf(element: T): number {
    if (this.extract === null) return this.gapMs!;
    const gap = this.extract(element);
    if (Number.isSafeInteger(gap) && gap > 0) return gap;
    throw new UserCodeError(`a session's gap must be a whole number of milliseconds, 1 or more; got ${String(gap)}.`);
  }

  mergeWindows(windows: readonly TimeWindow[], callback: MergeCallback<TimeWindow>): void {
    mergeTimeWindows(windows, callback);
  }
}

/** By event time. */
export class EventTimeSessionWindows<T = unknown> extends SessionWindows<T> {
  static withGap(gapMs: number): EventTimeSessionWindows {
    return new EventTimeSessionWindows(gapMs);
  }
  /** `withDynamicGap((order: Order) => order.gapMs)` */
  static withDynamicGap<T>(gap: SessionGap<T>): EventTimeSessionWindows<T> {
    return new EventTimeSessionWindows(gap);
  }

  assignWindows(element: T, timestamp: number): readonly TimeWindow[] {
    requireTimestamp(timestamp);
    return [new TimeWindow(timestamp, timestamp + this.gapOf(element))];
  }
  getDefaultTrigger(): Trigger<unknown, Window> {
    return EventTimeTrigger.create();
  }
  isEventTime(): boolean {
    return true;
  }
  override toString(): string {
    return `EventTimeSessionWindows(${this.gapMs ?? 'dynamic'})`;
  }
}

/** By the epoch's clock. */
export class ProcessingTimeSessionWindows<T = unknown> extends SessionWindows<T> {
  static withGap(gapMs: number): ProcessingTimeSessionWindows {
    return new ProcessingTimeSessionWindows(gapMs);
  }
  static withDynamicGap<T>(gap: SessionGap<T>): ProcessingTimeSessionWindows<T> {
    return new ProcessingTimeSessionWindows(gap);
  }

  assignWindows(element: T, _timestamp: number, ctx: WindowAssignerContext): readonly TimeWindow[] {
    const now = ctx.getCurrentProcessingTime();
    return [new TimeWindow(now, now + this.gapOf(element))];
  }
  getDefaultTrigger(): Trigger<unknown, Window> {
    return ProcessingTimeTrigger.create();
  }
  isEventTime(): boolean {
    return false;
  }
  override toString(): string {
    return `ProcessingTimeSessionWindows(${this.gapMs ?? 'dynamic'})`;
  }
}

/** What overlaps or touches becomes one (Flink: TimeWindow.mergeWindows): for merging assigners of your own. */
export function mergeTimeWindows(windows: readonly TimeWindow[], callback: MergeCallback<TimeWindow>): void {
  const sorted = windows.toSorted((a, b) => a.start - b.start);
  let together: TimeWindow[] = [];
  let cover: TimeWindow | null = null;
  const done = (): void => {
    if (cover !== null && together.length > 1) callback.merge(together, cover);
  };
  for (const window of sorted) {
    if (cover !== null && cover.intersects(window)) {
      cover = cover.cover(window);
      if (!together.some((other) => other.start === window.start && other.end === window.end)) together.push(window);
    } else {
      done();
      together = [window];
      cover = window;
    }
  }
  done();
}

function checkedGap(gapMs: number): number {
  if (Number.isSafeInteger(gapMs) && gapMs > 0) return gapMs;
  throw new ConfigError(
    `a session's gap must be a whole number of milliseconds, 1 or more; got ${gapMs}. Use Duration.ofMinutes(30), for example.`,
  );
}
