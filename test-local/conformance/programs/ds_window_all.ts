/** Windows over the whole stream. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.windowAll(TumblingEventTimeWindows.of(60_000)).aggregate(sumAndCount),
}));
