/** A window's reduce: the row with the largest v, the earlier of equals. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000))
    .reduce((a, b) => (b.v > a.v ? b : a))
    .map(({ k, id, v }) => ({ k, id, v })),
}));
