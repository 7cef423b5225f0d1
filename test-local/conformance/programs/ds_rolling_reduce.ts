/** A rolling reduce: a row out for every row in. */
import { defineProgram } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events.keyBy('k').reduce((a, b) => ({
    k: a.k,
    id: `${a.id}+${b.id}`.slice(-24),
    ts: Math.max(a.ts, b.ts),
    v: a.v + b.v,
    type: a.type,
  })),
}));
