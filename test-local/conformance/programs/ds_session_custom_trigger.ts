/** A trigger of one's own on sessions: its count is merged with the windows. */
import {
  EventTimeSessionWindows,
  ReducingStateDescriptor,
  Trigger,
  TriggerResult,
  type OnMergeContext,
  type TimeWindow,
  type TriggerContext,
} from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { withIds } from '../window-ids.ts';

const COUNT = new ReducingStateDescriptor<number>('n', (a, b) => a + b);

/** At every third row, and at the end. */
class EveryThird extends Trigger<ConformanceElement, TimeWindow> {
  onElement(_e: ConformanceElement, _ts: number, window: TimeWindow, ctx: TriggerContext): TriggerResult {
    const count = ctx.getPartitionedState(COUNT);
    count.add(1);
    if (window.maxTimestamp() <= ctx.getCurrentWatermark()) return TriggerResult.FIRE;
    ctx.registerEventTimeTimer(window.maxTimestamp());
    if (count.get()! < 3) return TriggerResult.CONTINUE;
    count.clear();
    return TriggerResult.FIRE;
  }
  onEventTime(time: number, window: TimeWindow): TriggerResult {
    return time === window.maxTimestamp() ? TriggerResult.FIRE_AND_PURGE : TriggerResult.CONTINUE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(window: TimeWindow, ctx: OnMergeContext): void {
    ctx.mergePartitionedState(COUNT);
    if (window.maxTimestamp() > ctx.getCurrentWatermark()) ctx.registerEventTimeTimer(window.maxTimestamp());
  }
  clear(window: TimeWindow, ctx: TriggerContext): void {
    ctx.deleteEventTimeTimer(window.maxTimestamp());
    ctx.getPartitionedState(COUNT).clear();
  }
}

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .window(EventTimeSessionWindows.withGap(10_000))
    .allowedLateness(8000)
    .trigger(new EveryThird())
    .process(withIds),
}));
