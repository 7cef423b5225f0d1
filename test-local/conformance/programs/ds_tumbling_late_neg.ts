/** Tumbling windows around the epoch's zero, with a negative offset, late rows and a side output. */
import { OutputTag, TumblingEventTimeWindows } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { lateRow } from '../window-ids.ts';
import { sumAndCount, withWindow } from '../window-sums.ts';

const LATE = new OutputTag<ConformanceElement>('late');

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000, -15_000))
    .allowedLateness(20_000)
    .sideOutputLateData(LATE)
    .aggregate(sumAndCount, withWindow);
  return { main, late: main.getSideOutput(LATE).map(lateRow) };
});
