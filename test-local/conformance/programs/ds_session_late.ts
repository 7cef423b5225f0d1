/** Sessions that have fired merge with late rows and fire again, in Flink's order of rows; a key's global state counts what was emitted. */
import {
  EventTimeSessionWindows,
  OutputTag,
  ProcessWindowFunction,
  ValueStateDescriptor,
  type WindowContext,
} from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';
import { lateRow } from '../window-ids.ts';

const LATE = new OutputTag<ConformanceElement>('late');
const EMITTED = new ValueStateDescriptor<number>('emitted', 0);

class Totals extends ProcessWindowFunction<ConformanceElement, object, string> {
  override process(key: string, ctx: WindowContext, rows: readonly ConformanceElement[]): object[] {
    const emitted = ctx.globalState().getState(EMITTED);
    emitted.update(emitted.value()! + rows.length);
    const { start, end } = ctx.window;
    return [{ key, start, end, ids: rows.map((e) => e.id), emitted: emitted.value() }];
  }
}

export const program = defineProgram(({ streams }) => {
  const main = streams.events
    .keyBy('k')
    .window(EventTimeSessionWindows.withGap(6000))
    .allowedLateness(12_000)
    .sideOutputLateData(LATE)
    .process(new Totals());
  return { main, late: main.getSideOutput(LATE).map(lateRow) };
});
