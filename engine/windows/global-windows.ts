/** One window per key, for ever (Flink: GlobalWindows and its triggers). */
import { MAX_WATERMARK } from '../model/watermark.ts';
import { ElementTrigger } from './element-trigger.ts';
import { GlobalWindow } from './global-window.ts';
import type { Window } from './time-window.ts';
import { Trigger, TriggerResult, type TriggerContext } from './trigger.ts';
import { WindowAssigner } from './window-assigner.ts';

/** Never fires: the default of global windows, which make sense with another trigger only. */
export class NeverTrigger extends ElementTrigger<unknown> {
  static create(): NeverTrigger {
    return new NeverTrigger();
  }
  onElement(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  clear(): void {
    // Nothing kept.
  }
  override canMerge(): boolean {
    return true;
  }
}

/** Fires once, when the input ends. */
export class EndOfStreamTrigger extends Trigger<unknown, Window> {
  static create(): EndOfStreamTrigger {
    return new EndOfStreamTrigger();
  }
  onElement(_element: unknown, _timestamp: number, _window: Window, ctx: TriggerContext): TriggerResult {
    ctx.registerEventTimeTimer(MAX_WATERMARK);
    return TriggerResult.CONTINUE;
  }
  onEventTime(time: number): TriggerResult {
    return time === MAX_WATERMARK ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  clear(_window: Window, ctx: TriggerContext): void {
    ctx.deleteEventTimeTimer(MAX_WATERMARK);
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(_window: Window, ctx: TriggerContext): void {
    ctx.registerEventTimeTimer(MAX_WATERMARK);
  }
}

export class GlobalWindows extends WindowAssigner<unknown, GlobalWindow> {
  private readonly trigger: Trigger<unknown, Window>;
  private constructor(trigger: Trigger<unknown, Window>) {
    super();
    this.trigger = trigger;
  }
  static create(): GlobalWindows {
    return new GlobalWindows(NeverTrigger.create());
  }
  /** Fires when the (bounded) input ends. */
  static createWithEndOfStreamTrigger(): GlobalWindows {
    return new GlobalWindows(EndOfStreamTrigger.create());
  }

  assignWindows(): readonly GlobalWindow[] {
    return ALL;
  }
  getDefaultTrigger(): Trigger<unknown, Window> {
    return this.trigger;
  }
  isEventTime(): boolean {
    return false;
  }
  override toString(): string {
    return 'GlobalWindows()';
  }
}

const ALL = [GlobalWindow.get()];
