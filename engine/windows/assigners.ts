/** Windows aligned for all keys (Flink: TumblingEventTimeWindows, SlidingEventTimeWindows and their processing-time kin). Milliseconds. */
import { ConfigError } from '../model/errors.ts';
import { requireTimestamp } from './require-timestamp.ts';
import { TimeWindow, type Window } from './time-window.ts';
import { EventTimeTrigger, ProcessingTimeTrigger } from './time-triggers.ts';
import type { Trigger } from './trigger.ts';
import { WindowAssigner, type WindowAssignerContext } from './window-assigner.ts';

/** Windows [start, start + size), start ≡ offset modulo slide; each row belongs to those that contain its timestamp. */
export interface AlignedWindows {
  readonly kind: 'tumbling-event-time' | 'sliding-event-time';
  readonly sizeMs: number;
  /** The size, where windows do not overlap. */
  readonly slideMs: number;
  readonly offsetMs: number;
}

abstract class TimeWindows extends WindowAssigner<unknown, TimeWindow> {
  readonly sizeMs: number;
  /** The size, where windows do not overlap. */
  readonly slideMs: number;
  readonly offsetMs: number;
  protected constructor(sizeMs: number, slideMs: number, offsetMs: number) {
    super();
    this.sizeMs = sizeMs;
    this.slideMs = slideMs;
    this.offsetMs = offsetMs;
  }

  protected abstract windowsAt(time: number): readonly TimeWindow[];
}

abstract class EventTimeWindows extends TimeWindows {
  assignWindows(_element: unknown, timestamp: number): readonly TimeWindow[] {
    requireTimestamp(timestamp);
    return this.windowsAt(timestamp);
  }
  getDefaultTrigger(): Trigger<unknown, Window> {
    return EventTimeTrigger.create();
  }
  isEventTime(): boolean {
    return true;
  }
}

/** By the epoch's clock. */
abstract class ProcessingTimeWindows extends TimeWindows {
  assignWindows(_element: unknown, _timestamp: number, ctx: WindowAssignerContext): readonly TimeWindow[] {
    return this.windowsAt(ctx.getCurrentProcessingTime());
  }
  getDefaultTrigger(): Trigger<unknown, Window> {
    return ProcessingTimeTrigger.create();
  }
  isEventTime(): boolean {
    return false;
  }
}

/** Every element belongs to one window; an offset shifts all windows, e.g. to a time zone's day. */
export class TumblingEventTimeWindows extends EventTimeWindows implements AlignedWindows {
  readonly kind = 'tumbling-event-time';
  /** `TumblingEventTimeWindows.of(Duration.ofHours(1))` */
  static of(sizeMs: number, offsetMs = 0): TumblingEventTimeWindows {
    checkTumbling('TumblingEventTimeWindows', sizeMs, offsetMs);
    return new TumblingEventTimeWindows(sizeMs, sizeMs, offsetMs);
  }
  protected windowsAt(time: number): readonly TimeWindow[] {
    return tumbling(time, this.sizeMs, this.offsetMs);
  }
  override toString(): string {
    return `Tumbling(${this.sizeMs} ms)`;
  }
}

/** By the epoch's clock. */
export class TumblingProcessingTimeWindows extends ProcessingTimeWindows {
  static of(sizeMs: number, offsetMs = 0): TumblingProcessingTimeWindows {
    checkTumbling('TumblingProcessingTimeWindows', sizeMs, offsetMs);
    return new TumblingProcessingTimeWindows(sizeMs, sizeMs, offsetMs);
  }
  protected windowsAt(time: number): readonly TimeWindow[] {
    return tumbling(time, this.sizeMs, this.offsetMs);
  }
  override toString(): string {
    return `TumblingProcessingTime(${this.sizeMs} ms)`;
  }
}

/** A window of the size starts at every slide: every element belongs to about size / slide of them. */
export class SlidingEventTimeWindows extends EventTimeWindows implements AlignedWindows {
  readonly kind = 'sliding-event-time';
  /** `SlidingEventTimeWindows.of(Duration.ofMinutes(10), Duration.ofMinutes(1))`. The size need not be a multiple of the slide. */
  static of(sizeMs: number, slideMs: number, offsetMs = 0): SlidingEventTimeWindows {
    checkSliding('SlidingEventTimeWindows', sizeMs, slideMs, offsetMs);
    return new SlidingEventTimeWindows(sizeMs, slideMs, offsetMs);
  }
  protected windowsAt(time: number): readonly TimeWindow[] {
    return sliding(time, this.sizeMs, this.slideMs, this.offsetMs);
  }
  override toString(): string {
    return `Sliding(${this.sizeMs} ms, ${this.slideMs} ms)`;
  }
}

/** By the epoch's clock. */
export class SlidingProcessingTimeWindows extends ProcessingTimeWindows {
  static of(sizeMs: number, slideMs: number, offsetMs = 0): SlidingProcessingTimeWindows {
    checkSliding('SlidingProcessingTimeWindows', sizeMs, slideMs, offsetMs);
    return new SlidingProcessingTimeWindows(sizeMs, slideMs, offsetMs);
  }
  protected windowsAt(time: number): readonly TimeWindow[] {
    return sliding(time, this.sizeMs, this.slideMs, this.offsetMs);
  }
  override toString(): string {
    return `SlidingProcessingTime(${this.sizeMs} ms, ${this.slideMs} ms)`;
  }
}

function tumbling(time: number, sizeMs: number, offsetMs: number): TimeWindow[] {
  const start = TimeWindow.getWindowStartWithOffset(time, offsetMs, sizeMs);
  return [new TimeWindow(start, start + sizeMs)];
}

function sliding(time: number, sizeMs: number, slideMs: number, offsetMs: number): TimeWindow[] {
  const windows: TimeWindow[] = [];
  const last = TimeWindow.getWindowStartWithOffset(time, offsetMs, slideMs);
  for (let start = last; start > time - sizeMs; start -= slideMs) windows.push(new TimeWindow(start, start + sizeMs));
  return windows;
}

function checkTumbling(name: string, sizeMs: number, offsetMs: number): void {
  checkLength(name, 'a positive whole number of milliseconds', sizeMs);
  if (!Number.isSafeInteger(offsetMs) || Math.abs(offsetMs) >= sizeMs)
    throw new ConfigError(`a window's offset must be smaller than its size (${sizeMs} ms); got ${offsetMs}.`);
}

function checkSliding(name: string, sizeMs: number, slideMs: number, offsetMs: number): void {
  checkLength(name, 'a positive whole number of milliseconds as size', sizeMs);
  checkLength(name, 'a positive whole number of milliseconds as slide', slideMs);
  if (!Number.isSafeInteger(offsetMs) || Math.abs(offsetMs) >= slideMs)
    throw new ConfigError(`a sliding window's offset must be smaller than its slide (${slideMs} ms); got ${offsetMs}.`);
}

function checkLength(name: string, what: string, ms: number): void {
  if (Number.isSafeInteger(ms) && ms > 0) return;
  throw new ConfigError(`${name}.of takes ${what}; got ${ms}. Use Duration.ofHours(1), for example.`);
}
