/** coGroup: the rows of both sides of each key and window, also where a side has none. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .coGroup(streams.other)
    .where('k')
    .equalTo('k')
    .window(TumblingEventTimeWindows.of(30_000))
    .apply((l, r) => [{ l: l.map((e) => e.id), r: r.map((e) => e.id) }]),
}));
