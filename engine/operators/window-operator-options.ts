/** What a window operator is made of. */
import type { AggregateFunction } from '../state/descriptors.ts';
import type { Evictor } from '../windows/evictor.ts';
import type { Window } from '../windows/time-window.ts';
import type { Trigger } from '../windows/trigger.ts';
import type { WindowAssigner } from '../windows/window-assigner.ts';
import type { WindowContext } from '../windows/window-function.ts';
import type { AnyWindowFunction } from './window-function-context.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';

export interface WindowOperatorOptions {
  readonly assigner: WindowAssigner<unknown, Window>;
  readonly trigger: Trigger<unknown, Window>;
  readonly evictor: Evictor<unknown, Window> | null;
  /** Incremental: the window keeps an accumulator. Null: it keeps its elements, and the function gets them all. Null with an evictor. */
  readonly aggregate: AggregateFunction<unknown, unknown, unknown> | null;
  /** What the accumulators are of, e.g. 'reduce': another kind cannot go on with them. */
  readonly stateKind: string;
  /** Gets the elements, or the one result of the aggregation. */
  readonly windowFunction: AnyWindowFunction;
  /** The window is over (ProcessWindowFunction.clear). */
  readonly clear: ((context: WindowContext<Window>) => unknown) | null;
  readonly allowedLatenessMs: number;
  readonly lateTag: string | null;
  readonly open?: (ctx: RuntimeContext) => void | Promise<void>;
  readonly close?: () => void | Promise<void>;
}
