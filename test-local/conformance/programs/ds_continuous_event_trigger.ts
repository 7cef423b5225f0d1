/** Early results: a window fires every 20 s of event time, and at its end. */
import { ContinuousEventTimeTrigger, TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000))
    .trigger(ContinuousEventTimeTrigger.of(20_000))
    .aggregate(sumAndCount, withWindow),
}));
