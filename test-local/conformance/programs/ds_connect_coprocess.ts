/** Two keyed streams with one state and one set of timers; the watermark is that of the stream behind. */
import { keyedCoProcess, valueState, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { shownWatermark } from '../shown-watermark.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .connect(streams.other.keyBy('k'))
    .process(
      keyedCoProcess({
        state: { sum: valueState<number>() },
        processElement1(e: ConformanceElement, ctx, out: Collector<unknown>) {
          const { sum } = ctx.state;
          sum.update((sum.value() ?? 0) + e.v);
          ctx.timerService().registerEventTimeTimer(e.ts + 15_000);
          out.collect({ from: 1, id: e.id, wm: shownWatermark(ctx.currentWatermark()) });
        },
        processElement2(e: ConformanceElement, ctx, out: Collector<unknown>) {
          const seen = ctx.state.sum.value() ?? 'none';
          out.collect({ from: 2, id: e.id, seen, wm: shownWatermark(ctx.currentWatermark()) });
        },
        onTimer(at, ctx, out: Collector<unknown>) {
          out.collect({ timer: at, key: ctx.getCurrentKey(), seen: ctx.state.sum.value() ?? 'none' });
          ctx.state.sum.clear();
        },
      }),
    ),
}));
