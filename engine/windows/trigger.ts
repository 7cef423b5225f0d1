/**
 * When a window hands its contents over, and when it lets them go (Flink: Trigger, TriggerResult).
 *
 * A trigger of your own extends Trigger and keeps nothing in fields: what it remembers of a window is in its partitioned state, which is
 * kept per key and window, as its timers are. It must clear both in `clear`.
 */
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from '../state/states.ts';
import type { Window } from './time-window.ts';

export const TriggerResult = {
  /** Nothing happens. */
  CONTINUE: 'CONTINUE',
  /** The contents are handed over, and stay. */
  FIRE: 'FIRE',
  /** The contents are dropped. */
  PURGE: 'PURGE',
  FIRE_AND_PURGE: 'FIRE_AND_PURGE',
} as const;
export type TriggerResult = (typeof TriggerResult)[keyof typeof TriggerResult];

export function isFire(result: TriggerResult): boolean {
  return result === 'FIRE' || result === 'FIRE_AND_PURGE';
}

export function isPurge(result: TriggerResult): boolean {
  return result === 'PURGE' || result === 'FIRE_AND_PURGE';
}

export interface TriggerContext {
  /** The key group's watermark, epoch milliseconds; MIN_WATERMARK before the first. */
  getCurrentWatermark(): number;
  /** The epoch's clock. */
  getCurrentProcessingTime(): number;
  /** One timer per key, window and time. */
  registerEventTimeTimer(time: number): void;
  registerProcessingTimeTimer(time: number): void;
  deleteEventTimeTimer(time: number): void;
  deleteProcessingTimeTimer(time: number): void;
  /** State of the key and window. */
  getPartitionedState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>;
  getPartitionedState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  getPartitionedState<UK, UV>(descriptor: MapStateDescriptor<UK, UV>): MapState<UK, UV>;
  getPartitionedState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>;
  getPartitionedState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>;
}

export interface OnMergeContext extends TriggerContext {
  /** Merges the state of the windows that were merged into that of the new one: list, reducing or aggregating state. */
  mergePartitionedState<T>(descriptor: ListStateDescriptor<T> | ReducingStateDescriptor<T>): void;
  mergePartitionedState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): void;
}

export abstract class Trigger<T, W extends Window> {
  /** After the element has been added to the window. */
  abstract onElement(element: T, timestamp: number, window: W, ctx: TriggerContext): TriggerResult;
  abstract onProcessingTime(time: number, window: W, ctx: TriggerContext): TriggerResult;
  abstract onEventTime(time: number, window: W, ctx: TriggerContext): TriggerResult;
  /** The window is gone: delete its timers and state. */
  abstract clear(window: W, ctx: TriggerContext): void;
  /** True: it may be used with windows that merge, and has an `onMerge`. */
  canMerge(): boolean {
    return false;
  }
  /** Windows have become `window`. The timers and states of those that are gone are cleared afterwards. */
  onMerge?(window: W, ctx: OnMergeContext): void;
}
