/** Windows, sessions and timers behind a window: they see its results at the watermark before the one that made it fire. */
import { EventTimeSessionWindows, keyedProcess, listState, TumblingEventTimeWindows, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { shownWatermark } from '../shown-watermark.ts';
import { sumAndCount, withWindow } from '../window-sums.ts';

const lists = keyedProcess({
  state: { ids: listState<string>() },
  processElement(e: ConformanceElement, ctx, _out: Collector<object>) {
    ctx.state.ids.add(e.id);
    ctx.timerService().registerEventTimeTimer(ctx.timestamp()! + 1);
  },
  onTimer(timer, ctx, out) {
    const { ids } = ctx.state;
    out.collect({ timer, key: ctx.getCurrentKey(), rows: ids.get(), wm: shownWatermark(ctx.currentWatermark()) });
    ids.clear();
  },
});

export const program = defineProgram(({ streams }) => {
  const sums = streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(5000))
    .aggregate(sumAndCount, (k, { window }, [total]): ConformanceElement[] => [
      { id: k + window.start, k, ts: window.end, v: total!.sum, type: 's' },
    ]);
  return {
    main: sums.keyBy('type').window(TumblingEventTimeWindows.of(10_000)).aggregate(sumAndCount, withWindow),
    session: sums.keyBy('k').window(EventTimeSessionWindows.withGap(6000)).aggregate(sumAndCount, withWindow),
    timers: sums.keyBy('k').process(lists),
  };
});
