/** What a KeyedProcessFunction sees (Flink: KeyedProcessFunction.Context, OnTimerContext, TimerService). */
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from '../state/states.ts';
import type { Collector } from './collector.ts';
import type { OutputTag } from './output-tag.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';

export type TimeDomain = 'event-time' | 'processing-time';

export interface TimerServiceView {
  /** The key group's watermark, epoch milliseconds; MIN_WATERMARK before the first. */
  currentWatermark(): number;
  /** The epoch's clock: constant within an epoch, never backwards. */
  currentProcessingTime(): number;
  /** One timer per key and time; registering again changes nothing. */
  registerEventTimeTimer(time: number): void;
  registerProcessingTimeTimer(time: number): void;
  deleteEventTimeTimer(time: number): void;
  deleteProcessingTimeTimer(time: number): void;
}

export interface KeyedContext<K> {
  /** The row's timestamp, or the timer's; null when the row has none. */
  timestamp(): number | null;
  getCurrentKey(): K;
  timerService(): TimerServiceView;
  currentWatermark(): number;
  currentProcessingTime(): number;
  output<X>(tag: OutputTag<X>, value: X): void;
}

export interface OnTimerContext<K> extends KeyedContext<K> {
  readonly timeDomain: TimeDomain;
}

/** Where a function gets its states and metrics, before the first row. */
export interface OpenContext extends RuntimeContext {
  getState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>;
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  getMapState<UK, UV>(descriptor: MapStateDescriptor<UK, UV>): MapState<UK, UV>;
  getReducingState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>;
  getAggregatingState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>;
}

/** The untyped form that the operator runs. */
export interface KeyedProcessLogic {
  open?(ctx: OpenContext): void | Promise<void>;
  processElement(value: never, ctx: KeyedContext<never>, out: Collector<never>): unknown;
  onTimer?(timestamp: number, ctx: OnTimerContext<never>, out: Collector<never>): unknown;
  close?(): void | Promise<void>;
}
