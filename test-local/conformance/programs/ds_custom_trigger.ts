/** A trigger with states and timers: early firings, a purge, fire and purge at the end, and again for each late row. */
import {
  OutputTag,
  ReducingStateDescriptor,
  Trigger,
  TriggerResult,
  TumblingEventTimeWindows,
  ValueStateDescriptor,
  type TimeWindow,
  type TriggerContext,
} from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { lateRow, withIds } from '../window-ids.ts';

const LATE = new OutputTag<ConformanceElement>('late');
const COUNT = new ReducingStateDescriptor<number>('n', (a, b) => a + b);
const NEXT = new ValueStateDescriptor<number>('next');

/** By a large row at once, by a small one not even later; 7 s after a row if there have been two since the last. */
class Early extends Trigger<ConformanceElement, TimeWindow> {
  onElement({ v }: ConformanceElement, ts: number, window: TimeWindow, ctx: TriggerContext): TriggerResult {
    ctx.getPartitionedState(COUNT).add(1);
    if (window.maxTimestamp() <= ctx.getCurrentWatermark()) return TriggerResult.FIRE;
    ctx.registerEventTimeTimer(window.maxTimestamp());
    const next = ctx.getPartitionedState(NEXT);
    if (next.value() === null) {
      next.update(ts + 7000);
      ctx.registerEventTimeTimer(ts + 7000);
    }
    if (v > 80) ctx.getPartitionedState(COUNT).clear();
    if (v > 80) return TriggerResult.FIRE;
    return v < 5 ? TriggerResult.PURGE : TriggerResult.CONTINUE;
  }
  onEventTime(time: number, window: TimeWindow, ctx: TriggerContext): TriggerResult {
    if (time === window.maxTimestamp()) return TriggerResult.FIRE_AND_PURGE;
    const next = ctx.getPartitionedState(NEXT);
    if (next.value() !== time) return TriggerResult.CONTINUE;
    next.clear();
    return (ctx.getPartitionedState(COUNT).get() ?? 0) >= 2 ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  clear(window: TimeWindow, ctx: TriggerContext): void {
    ctx.deleteEventTimeTimer(window.maxTimestamp());
    const next = ctx.getPartitionedState(NEXT);
    if (next.value() !== null) ctx.deleteEventTimeTimer(next.value()!);
    next.clear();
    ctx.getPartitionedState(COUNT).clear();
  }
}

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(40_000))
    .allowedLateness(15_000)
    .sideOutputLateData(LATE)
    .trigger(new Early())
    .process(withIds);
  return { main, late: main.getSideOutput(LATE).map(lateRow) };
});
