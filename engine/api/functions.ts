/** User functions of the DataStream API, class and function forms (Flink: KeyedProcessFunction, ProcessFunction …). */
import type { Collector } from '../operators/collector.ts';
import type { KeyedContext, OnTimerContext, OpenContext } from '../operators/keyed-process-function.ts';
import type { ProcessContext } from '../operators/process-operator.ts';
import {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
  type AggregateFunction,
} from '../state/descriptors.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from '../state/states.ts';
import type { StateTtlConfig } from '../state/ttl.ts';
import type { TypeSerializer } from '../state/type-serializer.ts';

/** What a synchronous callback returns: nothing. A promise is a type error (ARCHITECTURE section 11). */
export type Nothing = void | undefined;

/** Class form for a stream that is not keyed. */
export abstract class ProcessFunction<I, O> {
  abstract processElement(value: I, ctx: ProcessContext, out: Collector<O>): Nothing;
  open?(ctx: OpenContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** Class form with keyed state and timers. Get states in `open` and keep the handles in fields. */
export abstract class KeyedProcessFunction<K, I, O> {
  /** Keeps objects that merely look alike apart: they have states of their own (KeyedProcessDefinition). */
  declare protected readonly form: 'class';
  open?(ctx: OpenContext): void | Promise<void>;
  abstract processElement(value: I, ctx: KeyedContext<K>, out: Collector<O>): Nothing;
  onTimer?(timestamp: number, ctx: OnTimerContext<K>, out: Collector<O>): Nothing;
  close?(): void | Promise<void>;
}

/** A state of a function form: `valueState<number>()` …; the property's name is the state's name. */
export type StateDeclaration<H> = { readonly declare: (name: string, ctx: OpenContext) => H };
export type StateDeclarations = Readonly<Record<string, StateDeclaration<unknown>>>;
export type StateHandles<S extends StateDeclarations> = {
  readonly [N in keyof S]: S[N] extends StateDeclaration<infer H> ? H : never;
};

/** `serializer`: of the value, the elements, the map's values or the accumulator. */
interface StateOptions<V> {
  readonly ttl?: StateTtlConfig;
  readonly serializer?: TypeSerializer<V>;
}

function withTtl<D extends { enableTimeToLive(config: StateTtlConfig): unknown }>(
  descriptor: D,
  ttl: StateTtlConfig | undefined,
): D {
  if (ttl !== undefined) descriptor.enableTimeToLive(ttl);
  return descriptor;
}

/** A ValueState that has a default: `value()` is never null. */
export interface DefaultedValueState<T> extends ValueState<T> {
  value(): T;
}

export function valueState<T>(
  options: StateOptions<T> & { readonly defaultValue: T },
): StateDeclaration<DefaultedValueState<T>>;
export function valueState<T>(options?: StateOptions<T>): StateDeclaration<ValueState<T>>;
export function valueState<T>({
  ttl,
  serializer,
  defaultValue,
}: StateOptions<T> & { readonly defaultValue?: T } = {}): StateDeclaration<ValueState<T>> {
  return {
    declare: (name, ctx) =>
      ctx.getState(withTtl(new ValueStateDescriptor<T>(name, defaultValue ?? null, serializer), ttl)),
  };
}
export function listState<T>({ ttl, serializer }: StateOptions<T> = {}): StateDeclaration<ListState<T>> {
  return { declare: (name, ctx) => ctx.getListState(withTtl(new ListStateDescriptor<T>(name, serializer), ttl)) };
}
export function mapState<UK, UV>({ ttl, serializer }: StateOptions<UV> = {}): StateDeclaration<MapState<UK, UV>> {
  return {
    declare: (name, ctx) => ctx.getMapState(withTtl(new MapStateDescriptor<UK, UV>(name, serializer), ttl)),
  };
}
export function reducingState<T>(
  reduce: (a: T, b: T) => T,
  { ttl, serializer }: StateOptions<T> = {},
): StateDeclaration<ReducingState<T>> {
  return {
    declare: (name, ctx) =>
      ctx.getReducingState(withTtl(new ReducingStateDescriptor<T>(name, reduce, serializer), ttl)),
  };
}
export function aggregatingState<IN, ACC, OUT>(
  aggregate: AggregateFunction<IN, ACC, OUT>,
  { ttl, serializer }: StateOptions<ACC> = {},
): StateDeclaration<AggregatingState<IN, OUT>> {
  return {
    declare: (name, ctx) =>
      ctx.getAggregatingState(withTtl(new AggregatingStateDescriptor<IN, ACC, OUT>(name, aggregate, serializer), ttl)),
  };
}

/** The function form of a KeyedProcessFunction: `keyedProcess({ state, processElement, onTimer })`. */
export interface KeyedProcess<K, I, O> {
  readonly __keyedProcess: () => {
    open(ctx: OpenContext): void;
    processElement(value: I, ctx: KeyedContext<K>, out: Collector<O>): Nothing;
    onTimer?(timestamp: number, ctx: OnTimerContext<K>, out: Collector<O>): Nothing;
  };
}

/** The object form of a KeyedProcessFunction; `ctx.state` holds the handles of the declared states. */
export interface KeyedProcessDefinition<K, I, O, S extends StateDeclarations> {
  readonly state: S;
  processElement(value: I, ctx: KeyedContext<K> & { readonly state: StateHandles<S> }, out: Collector<O>): Nothing;
  onTimer?(timestamp: number, ctx: OnTimerContext<K> & { readonly state: StateHandles<S> }, out: Collector<O>): Nothing;
}

/**
 * A KeyedProcessFunction as an object: `state` declares the states, and `ctx.state` holds their handles, typed.
 *
 * ```ts
 * keyedProcess({
 *   state: { count: valueState<number>() },
 *   processElement(order: Order, ctx, out: Collector<string>) {
 *     const n = (ctx.state.count.value() ?? 0) + 1;
 *     ctx.state.count.update(n);
 *     out.collect(`${ctx.getCurrentKey()}: ${n}`);
 *   },
 * })
 * ```
 */
export function keyedProcess<K, I, O, S extends StateDeclarations>(
  definition: KeyedProcessDefinition<K, I, O, S>,
): KeyedProcess<K, I, O> {
  return {
    __keyedProcess: () => {
      const states = declaredStates(definition.state);
      return {
        open: states.open,
        processElement: (value, ctx, out) => definition.processElement(value, states.on(ctx), out),
        onTimer: (timestamp, ctx, out) => definition.onTimer?.(timestamp, states.on(ctx), out),
      };
    },
  };
}

interface DeclaredStates<S extends StateDeclarations> {
  readonly open: (ctx: OpenContext) => void;
  on<C extends object>(ctx: C): C & { readonly state: StateHandles<S> };
}

/** The declared states of one subtask: made while the function opens, then found as `ctx.state`. @internal */
export function declaredStates<S extends StateDeclarations>(declarations: S): DeclaredStates<S> {
  let handles: StateHandles<S> | null = null;
  return {
    open(ctx) {
      const made: Record<string, unknown> = {};
      for (const [name, state] of Object.entries(declarations)) made[name] = state.declare(name, ctx);
      handles = made as StateHandles<S>;
    },
    // The runtime hands out one context object per subtask; the handles are put on it once.
    on<C extends object>(ctx: C) {
      const target = ctx as C & { state: StateHandles<S> };
      if (target.state !== handles) target.state = handles!;
      return target;
    },
  };
}
