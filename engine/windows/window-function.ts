/** What a window hands to user code when it fires (Flink: ProcessWindowFunction, WindowFunction). */
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { StateAccess } from '../state/state-access.ts';
import type { TimeWindow, Window } from './time-window.ts';

/** A named output of type T; structurally an OutputTag. */
export interface SideOutput<T> {
  readonly id: string;
  readonly __type?: T;
}

export interface WindowContext<W extends Window = TimeWindow> {
  readonly window: W;
  currentWatermark(): number;
  currentProcessingTime(): number;
  /** State of this key and window, from firing to firing. It goes with the window. Refused where windows merge. */
  windowState(): StateAccess;
  /** State of this key, shared by all its windows. */
  globalState(): StateAccess;
  output<X>(tag: SideOutput<X>, value: X): void;
}

export interface WindowCollector<in R> {
  collect(record: R): void;
}

/**
 * `elements` holds the window's rows, or the one result of the incremental aggregation. Emits by `out.collect`, or by returning
 * an iterable (an array, a generator), whose element type is then inferred.
 */
export type WindowFunction<IN, OUT, KEY, W extends Window = TimeWindow> = (
  key: KEY,
  context: WindowContext<W>,
  elements: readonly IN[],
  out: WindowCollector<OUT>,
) => void | undefined | Iterable<OUT>;

/** The class form. */
export abstract class ProcessWindowFunction<IN, OUT, KEY, W extends Window = TimeWindow> {
  abstract process(
    key: KEY,
    context: WindowContext<W>,
    elements: readonly IN[],
    out: WindowCollector<OUT>,
  ): void | undefined | Iterable<OUT>;
  /** The window's time is over, it is dropped: clear what it kept in `globalState`. */
  clear?(context: WindowContext<W>): void | undefined;
  open?(ctx: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** `apply`'s form: it sees key, window and elements, and no context. */
export type WindowApply<IN, OUT, KEY, W extends Window = TimeWindow> = (
  key: KEY,
  window: W,
  elements: readonly IN[],
  out: WindowCollector<OUT>,
) => void | undefined | Iterable<OUT>;

/** The function of a window over a stream without keys (Flink: ProcessAllWindowFunction). */
export type AllWindowFunction<IN, OUT, W extends Window = TimeWindow> = (
  context: WindowContext<W>,
  elements: readonly IN[],
  out: WindowCollector<OUT>,
) => void | undefined | Iterable<OUT>;

/** `apply`'s form without keys (Flink: AllWindowFunction). */
export type AllWindowApply<IN, OUT, W extends Window = TimeWindow> = (
  window: W,
  elements: readonly IN[],
  out: WindowCollector<OUT>,
) => void | undefined | Iterable<OUT>;

export abstract class ProcessAllWindowFunction<IN, OUT, W extends Window = TimeWindow> {
  abstract process(
    context: WindowContext<W>,
    elements: readonly IN[],
    out: WindowCollector<OUT>,
  ): void | undefined | Iterable<OUT>;
  clear?(context: WindowContext<W>): void | undefined;
  open?(ctx: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}
