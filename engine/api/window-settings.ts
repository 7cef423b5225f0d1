/**
 * What WindowedStream and AllWindowedStream have been told, checked as it is said, and the operator that follows from it: the fast one for
 * aligned event-time windows with an incremental aggregation and the default trigger, the general one for everything else. Both
 * give the same answers.
 */
import { ConfigError } from '../model/errors.ts';
import type { KeyedOperatorFactory } from '../operators/keyed-operator.ts';
import { WindowAggregateFactory } from '../operators/window-aggregate-operator.ts';
import type { AnyWindowFunction } from '../operators/window-function-context.ts';
import { windowOperatorFactory } from '../operators/window-operator-factory.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../windows/assigners.ts';
import { Evictor } from '../windows/evictor.ts';
import { EventTimeTrigger } from '../windows/time-triggers.ts';
import type { Window } from '../windows/time-window.ts';
import { Trigger } from '../windows/trigger.ts';
import { MergingWindowAssigner, type WindowAssigner } from '../windows/window-assigner.ts';
import { foldElements, LIST, type Untyped } from './window-aggregates.ts';
import type { WindowRun } from './window-run.ts';

export class WindowSettings {
  readonly assigner: WindowAssigner<unknown, Window>;
  private trigger: Trigger<unknown, Window> | null = null;
  private evictor: Evictor<unknown, Window> | null = null;
  private latenessMs = 0;
  private lateTag: string | null = null;

  constructor(assigner: WindowAssigner<unknown, Window>) {
    this.assigner = assigner;
  }

  setTrigger(trigger: unknown): void {
    if (!(trigger instanceof Trigger))
      throw new ConfigError('trigger(…) takes a Trigger, e.g. CountTrigger.of(100), or a class that extends Trigger.');
    if (this.assigner instanceof MergingWindowAssigner && !trigger.canMerge())
      throw new ConfigError(
        `${trigger.constructor.name} cannot be used with windows that merge (sessions): give it canMerge() and onMerge(window, ctx), or use another trigger.`,
      );
    this.trigger = trigger as Trigger<unknown, Window>;
  }

  setEvictor(evictor: unknown): void {
    if (!(evictor instanceof Evictor))
      throw new ConfigError('evictor(…) takes an Evictor, e.g. CountEvictor.of(100), or a class that extends Evictor.');
    this.evictor = evictor as Evictor<unknown, Window>;
  }

  setAllowedLateness(latenessMs: number): void {
    if (!Number.isSafeInteger(latenessMs) || latenessMs < 0)
      throw new ConfigError(`allowedLateness takes a whole number of milliseconds, 0 or more; got ${latenessMs}.`);
    if (latenessMs > 0 && !this.assigner.isEventTime())
      throw new ConfigError(
        `allowedLateness makes sense for event-time windows only; in ${this.name} no row is late. Leave it out, or use event-time windows.`,
      );
    this.latenessMs = latenessMs;
  }

  setLateTag(tag: { readonly id: string }): void {
    this.lateTag = tag.id;
  }

  /** Of the windows, for the operator's name. */
  get name(): string {
    return String(this.assigner);
  }

  /** A reduce or an aggregate; `fn` null: its result is what is emitted. `stateKind`: what the accumulators are of. */
  incremental(stateKind: string, aggregate: Untyped, fn: WindowRun | null): KeyedOperatorFactory {
    if (this.evictor !== null) return this.general(null, stateKind, foldElements(stateKind, aggregate, fn));
    if (this.isPlain(fn)) return this.fast(stateKind, aggregate, fn);
    return this.general(aggregate, stateKind, fn ?? EMIT);
  }

  /** The function gets all elements. */
  process(fn: WindowRun): KeyedOperatorFactory {
    if (!(this.assigner instanceof TumblingEventTimeWindows) || this.evictor !== null || !this.isPlain(fn))
      return this.general(null, 'process', fn);
    const spread: AnyWindowFunction = (key, context, [rows], out) =>
      fn.run(key, context, rows as readonly unknown[], out);
    return this.fast('process', LIST, { ...fn, run: spread });
  }

  /** True where the fast operator gives the same answers: nothing is to be done when a window is over, and nothing else fires. */
  private isPlain(fn: WindowRun | null): boolean {
    const { assigner, trigger } = this;
    const aligned = assigner instanceof TumblingEventTimeWindows || assigner instanceof SlidingEventTimeWindows;
    return aligned && (trigger === null || trigger.constructor === EventTimeTrigger) && (fn?.clear ?? null) === null;
  }

  private fast(stateKind: string, aggregate: Untyped, fn: WindowRun | null): KeyedOperatorFactory {
    return new WindowAggregateFactory({
      stateKind,
      windows: this.assigner as TumblingEventTimeWindows | SlidingEventTimeWindows,
      aggregate,
      windowFunction: fn?.run ?? null,
      allowedLatenessMs: this.latenessMs,
      lateTag: this.lateTag,
      ...lifeCycle(fn),
    });
  }

  private general(
    aggregate: AggregateFunction<unknown, unknown, unknown> | null,
    stateKind: string,
    fn: WindowRun,
  ): KeyedOperatorFactory {
    return windowOperatorFactory({
      assigner: this.assigner,
      trigger: this.trigger ?? this.assigner.getDefaultTrigger(),
      evictor: this.evictor,
      aggregate,
      stateKind,
      windowFunction: fn.run,
      clear: fn.clear,
      allowedLatenessMs: this.latenessMs,
      lateTag: this.lateTag,
      ...lifeCycle(fn),
    });
  }
}

/** Emits the result of the aggregation. */
const EMIT: WindowRun = {
  run: (_key, _context, elements, out) => out.collect(elements[0]),
  clear: null,
};

function lifeCycle(fn: WindowRun | null): Pick<WindowRun, 'open' | 'close'> {
  return {
    ...(fn?.open === undefined ? {} : { open: fn.open }),
    ...(fn?.close === undefined ? {} : { close: fn.close }),
  };
}
