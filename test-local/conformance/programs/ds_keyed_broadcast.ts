/** Keyed rows beside broadcast settings: timers that read them, settings that flush the lists of all keys. */
import { keyedBroadcastProcess, listState, MapStateDescriptor, OutputTag, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { shownWatermark } from '../shown-watermark.ts';

const RULES = new MapStateDescriptor<string, number>('rules');
const CONFIGURED = new OutputTag<object>('side1');

const rules = keyedBroadcastProcess({
  state: { ids: listState<string>() },
  processElement(e: ConformanceElement, ctx, out: Collector<object>) {
    ctx.state.ids.add(e.id);
    const rule = ctx.getBroadcastState(RULES).get(e.type);
    if (rule === null) out.collect({ id: e.id, rule: 'none', wm: shownWatermark(ctx.currentWatermark()) });
    else ctx.timerService().registerEventTimeTimer(e.ts + rule * 2000);
  },
  processBroadcastElement(e: ConformanceElement, ctx, out: Collector<object>) {
    const known = ctx.getBroadcastState(RULES);
    if (e.v === 0) known.remove(e.type);
    else known.put(e.type, e.v);
    if (e.v >= 3) {
      ctx.applyToKeyedState(ctx.state.ids, (key, ids) => {
        if (ids.get().length > 0) out.collect({ flushed: key, by: e.id, ids: ids.get() });
        ids.clear();
      });
    }
    const all = [...known.entries()].map(([type, v]) => type + v).sort();
    ctx.output(CONFIGURED, { config: e.id, all, wm: shownWatermark(ctx.currentWatermark()) });
  },
  onTimer(timer, ctx, out) {
    const { ids } = ctx.state;
    const x = ctx.getBroadcastState(RULES).contains('x') ? 'yes' : 'no';
    out.collect({ timer, key: ctx.getCurrentKey(), ids: ids.get(), x });
    ids.clear();
  },
});

export const program = defineProgram<{ events: ConformanceElement; config: ConformanceElement }>(({ streams }) => {
  const main = streams.events.keyBy('k').connect(streams.config.broadcast(RULES)).process(rules);
  return { main, side1: main.getSideOutput(CONFIGURED) };
});
