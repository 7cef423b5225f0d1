/** Sessions by hand: a timer that every row moves. */
import { keyedProcess, valueState, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';

const GAP_MS = 1_800_000;

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').process(
    keyedProcess({
      state: {
        start: valueState<number>(),
        last: valueState<number>(),
        count: valueState({ defaultValue: 0 }),
        timer: valueState<number>(),
      },
      processElement(e: ConformanceElement, ctx, _out: Collector<unknown>) {
        const { start, last, count, timer } = ctx.state;
        if (start.value() === null) start.update(e.ts);
        last.update(e.ts);
        count.update(count.value() + 1);
        const before = timer.value();
        if (before !== null) ctx.timerService().deleteEventTimeTimer(before);
        timer.update(e.ts + GAP_MS);
        ctx.timerService().registerEventTimeTimer(e.ts + GAP_MS);
      },
      onTimer(at, ctx, out: Collector<unknown>) {
        const { start, last, count, timer } = ctx.state;
        out.collect({
          key: ctx.getCurrentKey(),
          start: start.value(),
          last: last.value(),
          count: count.value(),
          timer: at,
        });
        for (const state of [start, last, count, timer]) state.clear();
      },
    }),
  ),
}));
