/** A trigger that replaces the default one: nothing fires at the window's end. */
import { CountTrigger, PurgingTrigger, TumblingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000))
    .trigger(PurgingTrigger.of(CountTrigger.of(12)))
    .aggregate(sumAndCount, withWindow),
}));
