/** Fire again and again, every so often (Flink: ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger). */
import { ConfigError } from '../model/errors.ts';
import { MAX_WATERMARK } from '../model/watermark.ts';
import { ReducingStateDescriptor } from '../state/descriptors.ts';
import type { Window } from './time-window.ts';
import { Trigger, TriggerResult, type OnMergeContext, type TriggerContext } from './trigger.ts';

/** When windows merge, the earliest of their next firings counts. */
const FIRE_TIME = new ReducingStateDescriptor<number>('fire-time', (a, b) => Math.min(a, b));

/**
 * Fires at every multiple of the interval that the watermark passes, and at the window's end. When the input ends, a global window fires
 * once for the firing that was due, and once at the end of time; not for every interval in between.
 */
export class ContinuousEventTimeTrigger extends Trigger<unknown, Window> {
  readonly intervalMs: number;
  private constructor(intervalMs: number) {
    super();
    this.intervalMs = intervalMs;
  }
  static of(intervalMs: number): ContinuousEventTimeTrigger {
    return new ContinuousEventTimeTrigger(interval('ContinuousEventTimeTrigger', intervalMs));
  }

  onElement(_element: unknown, timestamp: number, window: Window, ctx: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= ctx.getCurrentWatermark()) return TriggerResult.FIRE;
    ctx.registerEventTimeTimer(window.maxTimestamp());
    if (ctx.getPartitionedState(FIRE_TIME).get() === null)
      this.registerNext(timestamp - (timestamp % this.intervalMs), window, ctx);
    return TriggerResult.CONTINUE;
  }
  onEventTime(time: number, window: Window, ctx: TriggerContext): TriggerResult {
    if (time === window.maxTimestamp()) return TriggerResult.FIRE;
    const fireTime = ctx.getPartitionedState(FIRE_TIME);
    if (fireTime.get() !== time) return TriggerResult.CONTINUE;
    fireTime.clear();
    this.registerNext(time, window, ctx);
    return TriggerResult.FIRE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  clear(_window: Window, ctx: TriggerContext): void {
    const fireTime = ctx.getPartitionedState(FIRE_TIME);
    const time = fireTime.get();
    if (time === null) return;
    ctx.deleteEventTimeTimer(time);
    fireTime.clear();
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(_window: Window, ctx: OnMergeContext): void {
    ctx.mergePartitionedState(FIRE_TIME);
    const next = ctx.getPartitionedState(FIRE_TIME).get();
    if (next !== null) ctx.registerEventTimeTimer(next);
  }

  private registerNext(time: number, window: Window, ctx: TriggerContext): void {
    const last = window.maxTimestamp();
    const endless = last >= MAX_WATERMARK && ctx.getCurrentWatermark() >= MAX_WATERMARK;
    const next = endless ? last : Math.min(time + this.intervalMs, last);
    ctx.getPartitionedState(FIRE_TIME).add(next);
    ctx.registerEventTimeTimer(next);
  }
}

/** Fires at every multiple of the interval that the clock passes, and at the end of a window that ends by the clock. */
export class ContinuousProcessingTimeTrigger extends Trigger<unknown, Window> {
  readonly intervalMs: number;
  private constructor(intervalMs: number) {
    super();
    this.intervalMs = intervalMs;
  }
  static of(intervalMs: number): ContinuousProcessingTimeTrigger {
    return new ContinuousProcessingTimeTrigger(interval('ContinuousProcessingTimeTrigger', intervalMs));
  }

  onElement(_element: unknown, _timestamp: number, window: Window, ctx: TriggerContext): TriggerResult {
    const now = ctx.getCurrentProcessingTime();
    if (ctx.getPartitionedState(FIRE_TIME).get() === null)
      this.registerNext(now - (now % this.intervalMs), window, ctx);
    return TriggerResult.CONTINUE;
  }
  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  onProcessingTime(time: number, window: Window, ctx: TriggerContext): TriggerResult {
    const fireTime = ctx.getPartitionedState(FIRE_TIME);
    if (fireTime.get() !== time) return TriggerResult.CONTINUE;
    fireTime.clear();
    this.registerNext(time, window, ctx);
    return TriggerResult.FIRE;
  }
  clear(_window: Window, ctx: TriggerContext): void {
    const fireTime = ctx.getPartitionedState(FIRE_TIME);
    const time = fireTime.get();
    if (time === null) return;
    ctx.deleteProcessingTimeTimer(time);
    fireTime.clear();
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(_window: Window, ctx: OnMergeContext): void {
    ctx.mergePartitionedState(FIRE_TIME);
    const next = ctx.getPartitionedState(FIRE_TIME).get();
    if (next !== null) ctx.registerProcessingTimeTimer(next);
  }

  private registerNext(time: number, window: Window, ctx: TriggerContext): void {
    const last = window.maxTimestamp();
    // An event-time window may lie in the clock's past; it goes on firing, once an interval.
    const next = time < last ? Math.min(time + this.intervalMs, last) : time + this.intervalMs;
    ctx.getPartitionedState(FIRE_TIME).add(next);
    ctx.registerProcessingTimeTimer(next);
  }
}

function interval(name: string, intervalMs: number): number {
  if (Number.isSafeInteger(intervalMs) && intervalMs > 0) return intervalMs;
  throw new ConfigError(`${name}.of takes a positive whole number of milliseconds; got ${intervalMs}.`);
}
