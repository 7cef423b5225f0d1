/**
 * Which windows an element belongs to (Flink: WindowAssigner, MergingWindowAssigner).
 *
 * An assigner of your own extends one of the two classes. It must depend on nothing but its arguments, so that a retry gives the
 * same windows. Windows that are no TimeWindow need a serializer.
 */
import { ConfigError } from '../model/errors.ts';
import { GlobalWindow } from './global-window.ts';
import { TimeWindow, type Window } from './time-window.ts';
import type { Trigger } from './trigger.ts';

export interface WindowAssignerContext {
  getCurrentProcessingTime(): number;
}

/** How a window stands in stored state. Two windows are the same if their stored forms are. */
export interface WindowSerializer<W extends Window> {
  /** What could be a key: a string, number, boolean, or an array or plain object of these. */
  serialize(window: W): unknown;
  deserialize(stored: unknown): W;
}

export abstract class WindowAssigner<T, W extends Window> {
  /** `timestamp`: NO_TIMESTAMP (MIN_WATERMARK) when the element has none. */
  abstract assignWindows(element: T, timestamp: number, ctx: WindowAssignerContext): readonly W[];
  abstract getDefaultTrigger(): Trigger<T, NoInfer<W>>;
  /** True: windows end by the watermark, and elements can be late for them. False: by the clock. */
  abstract isEventTime(): boolean;
  getWindowSerializer(): WindowSerializer<W> {
    return BUILT_IN_WINDOWS as WindowSerializer<W>;
  }
  /** For names and messages. */
  toString(): string {
    return this.constructor.name;
  }
}

export interface MergeCallback<W extends Window> {
  /** `toBeMerged` become `mergeResult`. Called for sets of two or more. */
  merge(toBeMerged: readonly W[], mergeResult: W): void;
}

/** Its windows may grow into each other, as sessions do. */
export abstract class MergingWindowAssigner<T, W extends Window> extends WindowAssigner<T, W> {
  /** Says which of `windows` are to be merged, by calling back. */
  abstract mergeWindows(windows: readonly W[], callback: MergeCallback<W>): void;
}

/** Of TimeWindow and GlobalWindow. */
export const BUILT_IN_WINDOWS: WindowSerializer<Window> = {
  serialize(window) {
    if (window instanceof TimeWindow) return [window.start, window.end];
    if (window instanceof GlobalWindow) return 'global';
    throw new ConfigError(
      `the window assigner gave a ${window.constructor.name}, which is no TimeWindow: override getWindowSerializer() in the assigner.`,
    );
  },
  deserialize(stored) {
    if (stored === 'global') return GlobalWindow.get();
    const [start, end] = stored as [number, number];
    return new TimeWindow(start, end);
  },
};
