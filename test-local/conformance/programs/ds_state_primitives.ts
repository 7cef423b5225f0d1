/** All five kinds of keyed state, filled, read and cleared. */
import {
  aggregatingState,
  keyedProcess,
  listState,
  mapState,
  reducingState,
  valueState,
  type Collector,
} from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').process(
    keyedProcess({
      state: {
        list: listState<number>(),
        max: reducingState<number>((a, b) => Math.max(a, b)),
        agg: aggregatingState({
          createAccumulator: () => ({ sum: 0, cnt: 0 }),
          add: (v: number, a: { sum: number; cnt: number }) => ({ sum: a.sum + v, cnt: a.cnt + 1 }),
          getResult: (a: { sum: number; cnt: number }) => a,
        }),
        map: mapState<string, number>(),
        counter: valueState({ defaultValue: 0 }),
      },
      processElement(e: ConformanceElement, ctx, out: Collector<unknown>) {
        const { list, max, agg, map, counter } = ctx.state;
        const key = ctx.getCurrentKey();
        const n = counter.value() + 1;
        counter.update(n);
        list.add(e.v);
        max.add(e.v);
        agg.add(e.v);
        map.put(e.type, e.v);
        if (n % 5 === 0) {
          const entries = [...map.entries()].map(([type, v]) => `${type}=${v}`).sort();
          out.collect({ key, list: list.get(), max: max.get(), ...agg.get(), map: entries });
          list.update(list.get().slice(-2));
        }
        if (e.v !== 13) return;
        for (const state of [list, max, agg, map]) state.clear();
        const empty = list.get().length === 0 && map.isEmpty() ? 'yes' : 'no';
        out.collect({
          key,
          cleared: 'yes',
          max: String(max.get()),
          agg: agg.get() === null ? 'null' : 'something',
          empty,
        });
      },
    }),
  ),
}));
