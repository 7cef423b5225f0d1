/** What the broadcast process functions see (Flink: BroadcastProcessFunction and KeyedBroadcastProcessFunction, their contexts). */
import type { BroadcastState, ReadOnlyBroadcastState } from '../state/broadcast-states.ts';
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from '../state/states.ts';
import type { KeyedContext, OnTimerContext } from './keyed-process-function.ts';
import type { ProcessContext } from './process-operator.ts';

/** Reads broadcast state: what a row of the other stream may do. */
export interface ReadsBroadcastState {
  getBroadcastState<UK, UV>(descriptor: MapStateDescriptor<UK, UV>): ReadOnlyBroadcastState<UK, UV>;
}

/** What processElement of a BroadcastProcessFunction may ask for. */
export interface BroadcastReadContext extends ProcessContext, ReadsBroadcastState {}

/** What processElement of a KeyedBroadcastProcessFunction may ask for. */
export interface KeyedBroadcastReadContext<K> extends KeyedContext<K>, ReadsBroadcastState {}

export interface KeyedBroadcastOnTimerContext<K> extends OnTimerContext<K>, ReadsBroadcastState {}

/**
 * What processBroadcastElement may ask for. What it collects is emitted once; the watermark is that of all streams. Every subtask calls
 * the function with the same row: it must do the same in each.
 */
export interface BroadcastContext extends ProcessContext {
  getBroadcastState<UK, UV>(descriptor: MapStateDescriptor<UK, UV>): BroadcastState<UK, UV>;
}

/** What processBroadcastElement of a KeyedBroadcastProcessFunction may ask for. */
export interface KeyedBroadcastContext<K> extends BroadcastContext {
  /**
   * Calls `fn` for each key that has the state, given by its descriptor or its handle. What `fn` collects belongs to that key; what it
   * adds up over several keys covers those of one subtask only, so do not emit that.
   */
  applyToKeyedState<D extends AnyKeyedDescriptor>(
    descriptor: D,
    fn: (key: K, state: StateOf<D>) => void | undefined,
  ): void;
  applyToKeyedState<S extends AnyKeyedState>(state: S, fn: (key: K, state: S) => void | undefined): void;
}

export interface AnyKeyedDescriptor {
  readonly kind: 'value' | 'list' | 'map' | 'reducing' | 'aggregating';
  readonly name: string;
}

interface AnyKeyedState {
  clear(): void;
}

/** The handle that belongs to a descriptor. */
export type StateOf<D> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<T>
    : D extends ListStateDescriptor<infer T>
      ? ListState<T>
      : D extends MapStateDescriptor<infer UK, infer UV>
        ? MapState<UK, UV>
        : D extends ReducingStateDescriptor<infer T>
          ? ReducingState<T>
          : D extends AggregatingStateDescriptor<infer IN, infer _ACC, infer OUT>
            ? AggregatingState<IN, OUT>
            : never;
