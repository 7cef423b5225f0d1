/** Sliding windows that fire again for late rows: state of the window, state of the key, what `clear` sees, a side output. */
import { OutputTag, ProcessWindowFunction, SlidingEventTimeWindows, ValueStateDescriptor } from 'millrace';
import type { WindowCollector, WindowContext } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { shownWatermark } from '../shown-watermark.ts';
import { sumAndCount, type SumAndCount } from '../window-sums.ts';

const REFIRED = new OutputTag<object>('side1');
const FIRINGS = new ValueStateDescriptor<number>('firings', 0);
const ALL = new ValueStateDescriptor<number>('all', 0);
const CLEARED = new ValueStateDescriptor<number>('cleared', 0);

class Firings extends ProcessWindowFunction<SumAndCount, object, string> {
  override process(
    key: string,
    ctx: WindowContext,
    [total]: readonly SumAndCount[],
    out: WindowCollector<object>,
  ): void {
    const firings = ctx.windowState().getState(FIRINGS);
    const all = ctx.globalState().getState(ALL);
    const firing = firings.value()! + 1;
    firings.update(firing);
    all.update(all.value()! + 1);
    const { start } = ctx.window;
    if (firing > 1) ctx.output(REFIRED, { key, start, refired: firing });
    const cleared = ctx.globalState().getState(CLEARED).value();
    out.collect({
      key,
      start,
      ...total,
      firing,
      all: all.value(),
      cleared,
      wm: shownWatermark(ctx.currentWatermark()),
    });
  }
  override clear(ctx: WindowContext): void {
    const cleared = ctx.globalState().getState(CLEARED);
    const firings = ctx.windowState().getState(FIRINGS);
    cleared.update(cleared.value()! + (firings.value() === 0 ? 100 : 1));
    firings.clear();
  }
}

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(SlidingEventTimeWindows.of(30_000, 15_000))
    .allowedLateness(25_000)
    .aggregate(sumAndCount, new Firings());
  return { main, side1: main.getSideOutput(REFIRED) };
});
