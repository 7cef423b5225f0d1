/** A coGroup that takes late rows and fires again, with all rows of both sides. */
import { TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .coGroup(streams.other)
    .where('k')
    .equalTo('k')
    .window(TumblingEventTimeWindows.of(20_000))
    .allowedLateness(15_000)
    .apply((firsts, seconds) => [{ l: firsts.map((e) => e.id), r: seconds.map((e) => e.id) }]),
}));
