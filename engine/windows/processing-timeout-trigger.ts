/** Another trigger, and a firing some time after the first element if that has not fired (Flink: ProcessingTimeoutTrigger). */
import { ConfigError } from '../model/errors.ts';
import { ValueStateDescriptor } from '../state/descriptors.ts';
import type { Window } from './time-window.ts';
import { isFire, isPurge, Trigger, TriggerResult, type TriggerContext } from './trigger.ts';

const TIMEOUT = new ValueStateDescriptor<number>('timeout');

export class ProcessingTimeoutTrigger<T, W extends Window> extends Trigger<T, W> {
  readonly nested: Trigger<T, W>;
  readonly timeoutMs: number;
  readonly resetTimerOnNewRecord: boolean;
  readonly shouldClearOnTimeout: boolean;
  private constructor(nested: Trigger<T, W>, timeoutMs: number, reset: boolean, clearOnTimeout: boolean) {
    super();
    this.nested = nested;
    this.timeoutMs = timeoutMs;
    this.resetTimerOnNewRecord = reset;
    this.shouldClearOnTimeout = clearOnTimeout;
  }
  static of<T, W extends Window>(
    nested: Trigger<T, W>,
    timeoutMs: number,
    resetTimerOnNewRecord = false,
    shouldClearOnTimeout = true,
  ): ProcessingTimeoutTrigger<T, W> {
    if (!Number.isSafeInteger(timeoutMs) || timeoutMs <= 0)
      throw new ConfigError(
        `ProcessingTimeoutTrigger.of takes a positive whole number of milliseconds; got ${timeoutMs}.`,
      );
    return new ProcessingTimeoutTrigger(nested, timeoutMs, resetTimerOnNewRecord, shouldClearOnTimeout);
  }

  onElement(element: T, timestamp: number, window: W, ctx: TriggerContext): TriggerResult {
    const result = this.nested.onElement(element, timestamp, window, ctx);
    if (isFire(result)) {
      this.clear(window, ctx);
      return result;
    }
    const state = ctx.getPartitionedState(TIMEOUT);
    const due = state.value();
    if (due !== null && !this.resetTimerOnNewRecord) return result;
    if (due !== null) ctx.deleteProcessingTimeTimer(due);
    const next = ctx.getCurrentProcessingTime() + this.timeoutMs;
    state.update(next);
    ctx.registerProcessingTimeTimer(next);
    return result;
  }
  onProcessingTime(time: number, window: W, ctx: TriggerContext): TriggerResult {
    return this.over(this.nested.onProcessingTime(time, window, ctx), window, ctx);
  }
  onEventTime(time: number, window: W, ctx: TriggerContext): TriggerResult {
    return this.over(this.nested.onEventTime(time, window, ctx), window, ctx);
  }
  clear(window: W, ctx: TriggerContext): void {
    const state = ctx.getPartitionedState(TIMEOUT);
    const due = state.value();
    if (due !== null) {
      ctx.deleteProcessingTimeTimer(due);
      state.clear();
    }
    this.nested.clear(window, ctx);
  }

  private over(result: TriggerResult, window: W, ctx: TriggerContext): TriggerResult {
    if (this.shouldClearOnTimeout) this.clear(window, ctx);
    return isPurge(result) ? TriggerResult.FIRE_AND_PURGE : TriggerResult.FIRE;
  }
}
