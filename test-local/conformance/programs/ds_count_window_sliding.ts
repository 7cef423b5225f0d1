/** The last 10 rows of a key, every 3 rows. */
import { defineProgram } from 'millrace/testing';
import { sumAndCount } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .countWindow(10, 3)
    .aggregate(sumAndCount, (key, _ctx, [total]) => [{ key, ...total! }]),
}));
