/** What a window hands to user code when it fires (Flink: ProcessWindowFunction). */
import type { TimeWindow } from './time-window.ts';

/** A named output of type T; structurally an OutputTag. */
export interface SideOutput<T> {
  readonly id: string;
  readonly __type?: T;
}

export interface WindowContext {
  readonly window: TimeWindow;
  currentWatermark(): number;
  currentProcessingTime(): number;
  output<X>(tag: SideOutput<X>, value: X): void;
}

export interface WindowCollector<in R> {
  collect(record: R): void;
}

/**
 * `elements` holds the window's rows, or the one result of the incremental aggregation. Emits by `out.collect`, or by returning
 * an iterable (an array, a generator), whose element type is then inferred.
 */
export type WindowFunction<IN, OUT, KEY> = (
  key: KEY,
  context: WindowContext,
  elements: readonly IN[],
  out: WindowCollector<OUT>,
) => void | undefined | Iterable<OUT>;

/** The class form. */
export abstract class ProcessWindowFunction<IN, OUT, KEY> {
  abstract process(
    key: KEY,
    context: WindowContext,
    elements: readonly IN[],
    out: WindowCollector<OUT>,
  ): void | undefined | Iterable<OUT>;
  open?(): void | Promise<void>;
  close?(): void | Promise<void>;
}
