/** All rows of a window at once: a percentile. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { p99 } from '../p99.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').window(TumblingEventTimeWindows.of(120_000)).process(p99),
}));
