/** A ProcessFunction with two side outputs; the watermark it sees is that before the row. */
import { OutputTag, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';

const LARGE = new OutputTag<{ large: string }>('large');
const LATE = new OutputTag<{ late: string; wm: number }>('late');

export const program = defineProgram(({ streams }) => {
  const main = streams.events.process((e: ConformanceElement, ctx, out: Collector<{ id: string }>) => {
    if (e.v > 80) ctx.output(LARGE, { large: e.id });
    if (e.ts < ctx.currentWatermark()) ctx.output(LATE, { late: e.id, wm: ctx.currentWatermark() });
    out.collect({ id: e.id });
  });
  return { main, large: main.getSideOutput(LARGE), late: main.getSideOutput(LATE) };
});
