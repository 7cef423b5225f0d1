/** A trigger that leaves its timers behind: those of windows that are over, or have merged into others, do nothing. */
import {
  EventTimeSessionWindows,
  Trigger,
  TriggerResult,
  TumblingEventTimeWindows,
  type TimeWindow,
  type TriggerContext,
} from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { withIds } from '../window-ids.ts';

class Leaky extends Trigger<ConformanceElement, TimeWindow> {
  onElement(_e: ConformanceElement, ts: number, _window: TimeWindow, ctx: TriggerContext): TriggerResult {
    ctx.registerEventTimeTimer(ts + 3000);
    ctx.registerEventTimeTimer(ts + 25_000);
    return TriggerResult.CONTINUE;
  }
  onEventTime(time: number): TriggerResult {
    return time % 7 === 0 ? TriggerResult.PURGE : TriggerResult.FIRE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(): void {
    // Nothing kept.
  }
  clear(): void {
    // That is the leak.
  }
}

export const program = defineProgram(({ streams }) => {
  const keyed = streams.events.keyBy('k');
  return {
    main: keyed
      .window(TumblingEventTimeWindows.of(20_000))
      .allowedLateness(10_000)
      .trigger(new Leaky())
      .process(withIds),
    session: keyed
      .window(EventTimeSessionWindows.withGap(6000))
      .allowedLateness(10_000)
      .trigger(new Leaky())
      .process(withIds),
  };
});
