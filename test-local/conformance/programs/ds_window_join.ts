/** A window join: each pair of a key and window. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .join(streams.other)
    .where('k')
    .equalTo('k')
    .window(TumblingEventTimeWindows.of(30_000))
    .apply((l, r) => ({ l: l.id, r: r.id })),
}));
