/** A stream of settings in every subtask: broadcast state. */
import { MapStateDescriptor, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';

const FACTORS = new MapStateDescriptor<string, number>('factors');

export const program = defineProgram<{ events: ConformanceElement; config: ConformanceElement }>(({ streams }) => ({
  main: streams.events.connect(streams.config.broadcast(FACTORS)).process({
    processElement: (e: ConformanceElement, ctx, out: Collector<{ id: string; out: number }>) => {
      const factor = ctx.getBroadcastState(FACTORS).get(e.type);
      out.collect({ id: e.id, out: factor === null ? -1 : e.v * factor });
    },
    processBroadcastElement: (e: ConformanceElement, ctx) => {
      const factors = ctx.getBroadcastState(FACTORS);
      if (e.v === 0) factors.remove(e.type);
      else factors.put(e.type, e.v);
    },
  }),
}));
