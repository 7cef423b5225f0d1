/** An evictor: when a window fires, only its last three rows are left. */
import { CountEvictor, TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { p99 } from '../p99.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').window(TumblingEventTimeWindows.of(60_000)).evictor(CountEvictor.of(3)).process(p99),
}));
