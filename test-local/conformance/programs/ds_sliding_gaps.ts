/** Windows shorter than their slide: a row may be in none, and is late by its own time then. */
import { OutputTag, SlidingEventTimeWindows } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { lateRow, withIds } from '../window-ids.ts';

const LATE = new OutputTag<ConformanceElement>('late');

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(SlidingEventTimeWindows.of(10_000, 25_000))
    .allowedLateness(5000)
    .sideOutputLateData(LATE)
    .process(withIds);
  return { main, late: main.getSideOutput(LATE).map(lateRow) };
});
