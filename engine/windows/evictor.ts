/**
 * Removes elements from a window that fires, before or after its function has seen them (Flink: Evictor). With an evictor a window keeps
 * all its elements: a reduce or aggregate goes over what is left when it fires.
 */
import type { Window } from './time-window.ts';

export interface TimestampedValue<T> {
  readonly value: T;
  /** MIN_WATERMARK when the element has none. */
  readonly timestamp: number;
}

export interface EvictorContext {
  getCurrentProcessingTime(): number;
  getCurrentWatermark(): number;
}

/** The elements in order of arrival; what is removed is gone for later firings too. */
export interface EvictableElements<T> extends Iterable<TimestampedValue<T>> {
  readonly size: number;
  at(index: number): TimestampedValue<T> | undefined;
  /** Removes the elements for which the test holds. */
  removeIf(test: (element: TimestampedValue<T>, index: number) => boolean): void;
}

export abstract class Evictor<T, W extends Window> {
  abstract evictBefore(elements: EvictableElements<T>, size: number, window: W, ctx: EvictorContext): void;
  abstract evictAfter(elements: EvictableElements<T>, size: number, window: W, ctx: EvictorContext): void;
}

/** One rule, applied before the function or after it. */
export abstract class OneSidedEvictor<T> extends Evictor<T, Window> {
  readonly doEvictAfter: boolean;
  constructor(doEvictAfter: boolean) {
    super();
    this.doEvictAfter = doEvictAfter;
  }
  protected abstract evict(elements: EvictableElements<T>, size: number): void;
  evictBefore(elements: EvictableElements<T>, size: number): void {
    if (!this.doEvictAfter) this.evict(elements, size);
  }
  evictAfter(elements: EvictableElements<T>, size: number): void {
    if (this.doEvictAfter) this.evict(elements, size);
  }
}
