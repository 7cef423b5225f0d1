/** filter, map, flatMap: a row becomes v % 4 rows. */
import { defineProgram } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .filter((e) => e.v % 3 !== 0)
    .map((e) => ({ ...e, v: e.v * 2 }))
    .flatMap((e) => Array.from({ length: e.v % 4 }, (_, i) => ({ id: e.id, i, v: e.v }))),
}));
