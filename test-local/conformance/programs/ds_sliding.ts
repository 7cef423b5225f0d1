/** Sliding windows whose size is no multiple of their slide. */
import { SlidingEventTimeWindows } from 'millrace';
import { defineProgram } from 'millrace/testing';
import { sumAndCount, withWindow } from '../window-sums.ts';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').window(SlidingEventTimeWindows.of(60_000, 25_000)).aggregate(sumAndCount, withWindow),
}));
