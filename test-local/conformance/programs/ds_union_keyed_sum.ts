/** Two streams as one: the watermark is that of the one behind. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .union(streams.other)
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000))
    .aggregate(sumAndCount, withWindow),
}));
