/** Fire again and again, every so often (Flink: ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger). */
import { ConfigError } from '../model/errors.ts';
import { MAX_WATERMARK } from '../model/watermark.ts';
import { ReducingStateDescriptor } from '../state/descriptors.ts';
import type { Window } from './time-window.ts';
import { Trigger, TriggerResult, type OnMergeContext, type TriggerContext } from './trigger.ts';

/** When windows merge, the earliest of their next firings counts. */
const FIRE_TIME = new ReducingStateDescriptor<number>('fire-time', (a, b) => Math.min(a, b));

/** A timer at the window's next firing, which is also in its state; in the time domain of the subclass. */
abstract class ContinuousTrigger extends Trigger<unknown, Window> {
  readonly intervalMs: number;
  protected constructor(intervalMs: number) {
    super();
    this.intervalMs = intervalMs;
  }

  protected abstract registerTimer(time: number, ctx: TriggerContext): void;
  protected abstract deleteTimer(time: number, ctx: TriggerContext): void;
  /** The firing after the one at `time`. */
  protected abstract after(time: number, window: Window, ctx: TriggerContext): number;

  clear(_window: Window, ctx: TriggerContext): void {
    const fireTime = ctx.getPartitionedState(FIRE_TIME);
    const time = fireTime.get();
    if (time === null) return;
    this.deleteTimer(time, ctx);
    fireTime.clear();
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(_window: Window, ctx: OnMergeContext): void {
    ctx.mergePartitionedState(FIRE_TIME);
    const next = ctx.getPartitionedState(FIRE_TIME).get();
    if (next !== null) this.registerTimer(next, ctx);
  }

  /** An element came at `time`: unless a firing is due already, the first is at the next multiple of the interval. */
  protected start(time: number, window: Window, ctx: TriggerContext): void {
    if (ctx.getPartitionedState(FIRE_TIME).get() === null)
      this.registerNext(time - (time % this.intervalMs), window, ctx);
  }

  /** A timer at `time`, which may be another's. */
  protected passed(time: number, window: Window, ctx: TriggerContext): TriggerResult {
    const fireTime = ctx.getPartitionedState(FIRE_TIME);
    if (fireTime.get() !== time) return TriggerResult.CONTINUE;
    fireTime.clear();
    this.registerNext(time, window, ctx);
    return TriggerResult.FIRE;
  }

  private registerNext(time: number, window: Window, ctx: TriggerContext): void {
    const next = this.after(time, window, ctx);
    ctx.getPartitionedState(FIRE_TIME).add(next);
    this.registerTimer(next, ctx);
  }
}

/**
 * Fires at every multiple of the interval that the watermark passes, and at the window's end. When the input ends, a global window fires
 * once for the firing that was due, and once at the end of time; not for every interval in between.
 */
export class ContinuousEventTimeTrigger extends ContinuousTrigger {
  static of(intervalMs: number): ContinuousEventTimeTrigger {
    return new ContinuousEventTimeTrigger(interval('ContinuousEventTimeTrigger', intervalMs));
  }

  onElement(_element: unknown, timestamp: number, window: Window, ctx: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= ctx.getCurrentWatermark()) return TriggerResult.FIRE;
    ctx.registerEventTimeTimer(window.maxTimestamp());
    this.start(timestamp, window, ctx);
    return TriggerResult.CONTINUE;
  }
  onEventTime(time: number, window: Window, ctx: TriggerContext): TriggerResult {
    return time === window.maxTimestamp() ? TriggerResult.FIRE : this.passed(time, window, ctx);
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }

  protected registerTimer(time: number, ctx: TriggerContext): void {
    ctx.registerEventTimeTimer(time);
  }
  protected deleteTimer(time: number, ctx: TriggerContext): void {
    ctx.deleteEventTimeTimer(time);
  }
  protected after(time: number, window: Window, ctx: TriggerContext): number {
    const last = window.maxTimestamp();
    const endless = last >= MAX_WATERMARK && ctx.getCurrentWatermark() >= MAX_WATERMARK;
    return endless ? last : Math.min(time + this.intervalMs, last);
  }
}

/** Fires at every multiple of the interval that the clock passes, and at the end of a window that ends by the clock. */
export class ContinuousProcessingTimeTrigger extends ContinuousTrigger {
  static of(intervalMs: number): ContinuousProcessingTimeTrigger {
    return new ContinuousProcessingTimeTrigger(interval('ContinuousProcessingTimeTrigger', intervalMs));
  }

  onElement(_element: unknown, _timestamp: number, window: Window, ctx: TriggerContext): TriggerResult {
    this.start(ctx.getCurrentProcessingTime(), window, ctx);
    return TriggerResult.CONTINUE;
  }
  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  onProcessingTime(time: number, window: Window, ctx: TriggerContext): TriggerResult {
    return this.passed(time, window, ctx);
  }

  protected registerTimer(time: number, ctx: TriggerContext): void {
    ctx.registerProcessingTimeTimer(time);
  }
  protected deleteTimer(time: number, ctx: TriggerContext): void {
    ctx.deleteProcessingTimeTimer(time);
  }
  protected after(time: number, window: Window): number {
    const last = window.maxTimestamp();
    // An event-time window may lie in the clock's past; it goes on firing, once an interval.
    return time < last ? Math.min(time + this.intervalMs, last) : time + this.intervalMs;
  }
}

function interval(name: string, intervalMs: number): number {
  if (Number.isSafeInteger(intervalMs) && intervalMs > 0) return intervalMs;
  throw new ConfigError(`${name}.of takes a positive whole number of milliseconds; got ${intervalMs}.`);
}
