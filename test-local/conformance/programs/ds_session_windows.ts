/** Session windows that merge, also after they have fired; what is late even so goes to a side output. */
import { EventTimeSessionWindows, OutputTag } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

const LATE = new OutputTag<ConformanceElement>('late');

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(EventTimeSessionWindows.withGap(8000))
    .allowedLateness(10_000)
    .sideOutputLateData(LATE)
    .aggregate(sumAndCount, withWindow);
  return { main, late: main.getSideOutput(LATE).map(({ id, k, ts, v }) => ({ id, k, ts, v })) };
});
