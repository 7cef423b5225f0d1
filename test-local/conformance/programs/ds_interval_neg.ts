/** Partners of the past only, both bounds exclusive; late rows of both sides to side outputs. */
import { OutputTag } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { lateRow } from '../window-ids.ts';

const LARGE = new OutputTag<object>('side1');
const LEFT_LATE = new OutputTag<ConformanceElement>('leftLate');
const RIGHT_LATE = new OutputTag<ConformanceElement>('rightLate');

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .intervalJoin(streams.other.keyBy('k'))
    .between(-20_000, -5000)
    .lowerBoundExclusive()
    .upperBoundExclusive()
    .sideOutputLeftLateData(LEFT_LATE)
    .sideOutputRightLateData(RIGHT_LATE)
    .process((l, r, ctx) => {
      if (l.v > 70) ctx.output(LARGE, { l: l.id });
      return [{ l: l.id, r: r.id, ts: ctx.getTimestamp(), lt: ctx.getLeftTimestamp(), rt: ctx.getRightTimestamp() }];
    });
  return {
    main,
    side1: main.getSideOutput(LARGE),
    leftLate: main.getSideOutput(LEFT_LATE).map(lateRow),
    rightLate: main.getSideOutput(RIGHT_LATE).map(lateRow),
  };
});
