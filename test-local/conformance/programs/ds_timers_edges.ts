/** Timers at the watermark, far behind it, at the end of time, deleted; registered again for the same time while they fire. */
import {
  KeyedProcessFunction,
  MAX_WATERMARK,
  MIN_WATERMARK,
  OutputTag,
  ValueStateDescriptor,
  type Collector,
  type KeyedContext,
  type OnTimerContext,
  type OpenContext,
  type TimerServiceView,
  type ValueState,
} from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { shownWatermark } from '../shown-watermark.ts';

const FIRED = new OutputTag<object>('side1');

class Timers extends KeyedProcessFunction<string, ConformanceElement, object> {
  private again!: ValueState<number>;
  override open(ctx: OpenContext): void {
    this.again = ctx.getState(new ValueStateDescriptor<number>('again', 0));
  }
  override processElement(e: ConformanceElement, ctx: KeyedContext<string>, out: Collector<object>): void {
    const timers = ctx.timerService();
    const wm = shownWatermark(timers.currentWatermark());
    if (e.v % 6 === 3) this.again.update(3);
    this.register(e, timers);
    out.collect({ id: e.id, ts: ctx.timestamp(), key: ctx.getCurrentKey(), wm });
  }
  private register({ ts, v }: ConformanceElement, timers: TimerServiceView): void {
    const watermark = timers.currentWatermark();
    const isFirst = watermark === MIN_WATERMARK;
    if (v % 6 === 0) timers.registerEventTimeTimer(isFirst ? ts : watermark);
    if (v % 6 === 1 && !isFirst) timers.registerEventTimeTimer(watermark - 100_000);
    if (v % 6 === 2) timers.registerEventTimeTimer(MAX_WATERMARK);
    if (v % 6 === 3) timers.registerEventTimeTimer(Math.trunc(ts / 4000) * 4000);
    if (v % 6 === 4) timers.registerEventTimeTimer(ts + 1);
    if (v % 6 === 4) for (const time of [ts + 1, ts + 99_999]) timers.deleteEventTimeTimer(time);
    if (v % 6 === 5) for (const time of [ts + 6000, ts + 6001]) timers.registerEventTimeTimer(time);
  }
  override onTimer(time: number, ctx: OnTimerContext<string>): void {
    const again = this.again.value()!;
    const timers = ctx.timerService();
    ctx.output(FIRED, {
      timer: shownWatermark(time),
      key: ctx.getCurrentKey(),
      again,
      ts: shownWatermark(ctx.timestamp()!),
      domain: ctx.timeDomain.toUpperCase().replace('-', '_'),
      wm: shownWatermark(timers.currentWatermark()),
    });
    if (again === 0 || time === MAX_WATERMARK) return;
    this.again.update(again - 1);
    for (const next of [time, time + 2000]) timers.registerEventTimeTimer(next);
    if (again === 2) timers.deleteEventTimeTimer(time + 2000);
  }
}

export const program = defineProgram(({ streams }) => {
  const main = streams.events.keyBy('k').process(new Timers());
  return { main, side1: main.getSideOutput(FIRED) };
});
