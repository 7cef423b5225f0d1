/** An interval join, its upper bound exclusive. */
import type { Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';

export const program = defineProgram(({ streams }) => ({
  main: streams.events
    .keyBy('k')
    .intervalJoin(streams.other.keyBy('k'))
    .between(-5000, 10_000)
    .upperBoundExclusive()
    .process(
      (l: ConformanceElement, r: ConformanceElement, ctx, out: Collector<{ l: string; r: string; ts: number }>) =>
        out.collect({ l: l.id, r: r.id, ts: ctx.getTimestamp() }),
    ),
}));
