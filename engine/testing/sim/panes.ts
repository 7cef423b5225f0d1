/** Windows of simulated jobs beyond the plain tumbling ones. */
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import type { WindowedStream } from '../../api/windowed-stream.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { ReducingStateDescriptor, ValueStateDescriptor } from '../../state/descriptors.ts';
import {
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
} from '../../windows/assigners.ts';
import { ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger } from '../../windows/continuous-triggers.ts';
import { CountTrigger } from '../../windows/count-trigger.ts';
import { CountEvictor, TimeEvictor } from '../../windows/evictors.ts';
import { GlobalWindows } from '../../windows/global-windows.ts';
import { PurgingTrigger } from '../../windows/purging-trigger.ts';
import { EventTimeSessionWindows, ProcessingTimeSessionWindows } from '../../windows/session-windows.ts';
import { TimeWindow, type Window } from '../../windows/time-window.ts';
import { Trigger, TriggerResult, type OnMergeContext, type TriggerContext } from '../../windows/trigger.ts';
import type { WindowAssigner } from '../../windows/window-assigner.ts';
import type { WindowContext } from '../../windows/window-function.ts';
import type { AssignerSpec, CountWindowSpec, EvictorSpec, PanesSpec, TriggerSpec } from './pane-specs.ts';
import { added, gapOf, NOTHING, type Sum } from './row-functions.ts';
import type { Row } from './script.ts';

export interface PanesOf {
  readonly rows: DataStream<Row>;
  readonly key: (row: Row) => string;
  /** The operator's uid. */
  readonly name: string;
}

export function countWindowed(spec: CountWindowSpec, { rows, key, name }: PanesOf): SingleOutputStreamOperator<Row> {
  const { size, slide } = spec;
  const result = (k: string, elements: readonly Row[]): Row[] => [{ ...elements.reduce(added, NOTHING), k, t: 0 }];
  const fired = spec.all
    ? rows.countWindowAll(size, slide ?? undefined).process<Row>((_ctx, elements) => result('all', elements))
    : rows
        .keyBy(key)
        .countWindow(size, slide ?? undefined)
        .process<Row>((k, _ctx, elements) => result(k, elements));
  return fired.uid(name);
}

export function panes(spec: PanesSpec, { rows, key, name }: PanesOf): SingleOutputStreamOperator<Row> {
  const windows = assigner(spec.windows, (row: Row) => row);
  const fired = spec.all
    ? configured(rows.windowAll(windows), spec, lateTag(name)).process<Row>((ctx, all) => listed('all', ctx, all, spec))
    : formed(configured(rows.keyBy(key).window(windows), spec, lateTag(name)), spec);
  return fired.uid(name);
}

export const lateTag = (name: string): OutputTag<Row> => new OutputTag<Row>(`late-${name}`);

interface Configurable<T extends Valued> {
  trigger(trigger: Trigger<T, Window>): this;
  evictor(evictor: CountEvictor | TimeEvictor): this;
  allowedLateness(ms: number): this;
  sideOutputLateData(tag: OutputTag<T>): this;
}

/** What a trigger looks at. */
interface Valued {
  readonly v: number;
}

export function configured<T extends Valued, S extends Configurable<T>>(
  windows: S,
  spec: PanesSpec,
  late: OutputTag<T>,
): S {
  const trigger = triggerOf(spec.trigger);
  if (trigger !== null) windows.trigger(trigger);
  if (spec.latenessMs > 0) windows.allowedLateness(spec.latenessMs);
  if (spec.evictor !== null) windows.evictor(evictor(spec.evictor));
  if (spec.late) windows.sideOutputLateData(late);
  return windows;
}

function result(k: string, { window }: WindowContext<Window>, sum: Sum): Row {
  return { ...sum, k, t: window instanceof TimeWindow ? window.end - 1 : 0 };
}

function formed(windows: WindowedStream<Row, string, Window>, spec: PanesSpec): SingleOutputStreamOperator<Row> {
  switch (spec.form) {
    case 'aggregate':
      return windows.aggregate<Sum, Sum, Row>(
        {
          createAccumulator: () => NOTHING,
          add: (row, sum) => added(sum, row),
          getResult: (sum) => sum,
          merge: (a, b) => added(a, { ...b, k: '', t: 0 }),
        },
        (key, ctx, [sum]) => [result(key, ctx, sum!)],
      );
    case 'reduce':
      return windows.reduce<Row>(
        (a, b) => ({ ...a, ...added({ ids: a.ids, v: a.v, n: a.n, h: 0 }, b) }),
        (key, ctx, [row]) => [result(key, ctx, { ...row!, h: 0 })],
      );
    case 'list':
      return windows.process<Row>((key, ctx, all) => listed(key, ctx, all, spec));
  }
}

/** `n` counts the firings of the key, and of the window. */
function listed(key: string, ctx: WindowContext<Window>, all: readonly Row[], { windows: { by } }: PanesSpec): Row[] {
  const firings = counted(ctx.globalState().getState(FIRINGS)) * 100;
  const own = by.endsWith('session') ? 0 : counted(ctx.windowState().getState(FIRINGS));
  return [{ ...result(key, ctx, all.reduce(added, NOTHING)), n: firings + own }];
}

const FIRINGS = new ValueStateDescriptor<number>('firings');

function counted(state: { value(): number | null; update(n: number): void }): number {
  const n = (state.value() ?? 0) + 1;
  state.update(n);
  return n;
}

/** `rowOf`: of what the windows hold. */
export function assigner<T>(spec: AssignerSpec, rowOf: (element: T) => Valued): WindowAssigner<T, Window> {
  switch (spec.by) {
    case 'tumbling':
      return TumblingEventTimeWindows.of(spec.sizeMs, spec.offsetMs);
    case 'sliding':
      return SlidingEventTimeWindows.of(spec.sizeMs, spec.slideMs, spec.offsetMs);
    case 'session':
      return EventTimeSessionWindows.withGap(spec.gapMs);
    case 'dynamic-session':
      return EventTimeSessionWindows.withDynamicGap((element: T) => gapOf(rowOf(element)));
    case 'global':
      return GlobalWindows.createWithEndOfStreamTrigger();
    case 'clock':
      return TumblingProcessingTimeWindows.of(spec.sizeMs);
    case 'clock-sliding':
      return SlidingProcessingTimeWindows.of(spec.sizeMs, spec.sizeMs >> 1);
    case 'clock-session':
      return ProcessingTimeSessionWindows.withGap(spec.sizeMs);
  }
}

function triggerOf(spec: TriggerSpec): Trigger<Valued, Window> | null {
  switch (spec.when) {
    case 'default':
    case 'end':
      return null;
    case 'count':
      return spec.purges ? PurgingTrigger.of(CountTrigger.of(spec.count)) : CountTrigger.of(spec.count);
    case 'continuous':
      return ContinuousEventTimeTrigger.of(spec.everyMs);
    case 'continuous-clock':
      return ContinuousProcessingTimeTrigger.of(spec.everyMs);
    case 'eager':
      return new EagerTrigger();
  }
}

function evictor(spec: EvictorSpec): CountEvictor | TimeEvictor {
  return spec.keeps === 'last' ? CountEvictor.of(spec.count) : TimeEvictor.of(spec.ms);
}

const VALUE = new ReducingStateDescriptor<number>('value', (a, b) => a + b);
const ENOUGH = 120;

/** Fires at the window's end, and whenever enough has come. */
class EagerTrigger extends Trigger<Valued, Window> {
  onElement(row: Valued, _ts: number, window: Window, ctx: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= ctx.getCurrentWatermark()) return TriggerResult.FIRE;
    ctx.registerEventTimeTimer(window.maxTimestamp());
    const value = ctx.getPartitionedState(VALUE);
    value.add(row.v);
    if (value.get()! < ENOUGH) return TriggerResult.CONTINUE;
    value.clear();
    return TriggerResult.FIRE;
  }
  onEventTime(time: number, window: Window): TriggerResult {
    return time === window.maxTimestamp() ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  clear(window: Window, ctx: TriggerContext): void {
    ctx.deleteEventTimeTimer(window.maxTimestamp());
    ctx.getPartitionedState(VALUE).clear();
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(window: Window, ctx: OnMergeContext): void {
    ctx.mergePartitionedState(VALUE);
    if (window.maxTimestamp() > ctx.getCurrentWatermark()) ctx.registerEventTimeTimer(window.maxTimestamp());
  }
}
