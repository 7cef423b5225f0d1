/** Sessions with evictors: an aggregate and a reduce go over what is left of the rows. */
import { CountTrigger, EventTimeSessionWindows, TimeEvictor } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { withIds } from '../window-ids.ts';
import { sumAndCount, withWindow } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => {
  const keyed = streams.events.keyBy('k');
  return {
    main: keyed
      .window(EventTimeSessionWindows.withGap(8000))
      .allowedLateness(10_000)
      .evictor(TimeEvictor.of(6000))
      .aggregate(sumAndCount, withWindow),
    reduce: keyed
      .window(EventTimeSessionWindows.withGap(8000))
      .allowedLateness(10_000)
      .trigger(CountTrigger.of(2))
      .evictor(TimeEvictor.of(4000, true))
      .reduce((a, b) => ({ ...a, id: `${a.id}+${b.id}`, v: a.v + b.v }), withIds),
  };
});
