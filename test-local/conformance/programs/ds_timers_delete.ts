/** Timers registered twice, deleted, in the past, and from within a timer. */
import { keyedProcess, mapState, MIN_WATERMARK, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { shownWatermark } from '../shown-watermark.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').process(
    keyedProcess({
      state: { counts: mapState<number, number>() },
      processElement(e: ConformanceElement, ctx, _out: Collector<unknown>) {
        const timers = ctx.timerService();
        const t = (Math.floor(e.ts / 10_000) + 1) * 10_000;
        if (e.v % 7 === 0) timers.deleteEventTimeTimer(t);
        else {
          timers.registerEventTimeTimer(t);
          timers.registerEventTimeTimer(t);
        }
        if (e.v % 11 === 0 && timers.currentWatermark() > MIN_WATERMARK)
          timers.registerEventTimeTimer(timers.currentWatermark() - 5);
        ctx.state.counts.put(t, (ctx.state.counts.get(t) ?? 0) + 1);
      },
      onTimer(at, ctx, out: Collector<unknown>) {
        const n = ctx.state.counts.get(at) ?? 'null';
        ctx.state.counts.remove(at);
        out.collect({ key: ctx.getCurrentKey(), timer: at, n, watermark: shownWatermark(ctx.currentWatermark()) });
        if (at % 30_000 === 0 && at < 1_704_100_000_000) ctx.timerService().registerEventTimeTimer(at + 15_000);
      },
    }),
  ),
}));
