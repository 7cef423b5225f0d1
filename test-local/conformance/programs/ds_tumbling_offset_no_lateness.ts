/** Tumbling windows with an offset; late rows are dropped. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000, 15_000))
    .aggregate(sumAndCount, withWindow),
}));
