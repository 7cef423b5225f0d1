/** Tumbling windows that take late rows, fire again for each, and give up after 30 s. */
import { OutputTag, TumblingEventTimeWindows } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

const LATE = new OutputTag<ConformanceElement>('late');

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000))
    .allowedLateness(30_000)
    .sideOutputLateData(LATE)
    .aggregate(sumAndCount, withWindow);
  return { main, late: main.getSideOutput(LATE).map(({ id, k, ts, v }) => ({ id, k, ts, v })) };
});
