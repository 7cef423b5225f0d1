/** A global window that fires for every 20th row of a key, and goes on growing. */
import { CountTrigger, GlobalWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .window(GlobalWindows.create())
    .trigger(CountTrigger.of(20))
    .aggregate(sumAndCount, (key, _ctx, [total]) => [{ key, ...total! }]),
}));
