/** Functions of two connected streams, class and object forms (Flink: CoMapFunction, CoFlatMapFunction, CoProcessFunction …). */
import type { Collector } from '../operators/collector.ts';
import type { KeyedContext, OnTimerContext, OpenContext } from '../operators/keyed-process-function.ts';
import type { ProcessContext } from '../operators/process-operator.ts';
import { declaredStates, type Nothing, type StateDeclarations, type StateHandles } from './functions.ts';

/** One result for each row of either stream. On keyed streams `open` may ask for states. */
export abstract class CoMapFunction<A, B, O> {
  /** Keeps objects that merely look alike apart: those have no life cycle. */
  declare protected readonly form: 'class';
  open?(ctx: OpenContext): void | Promise<void>;
  abstract map1(value: A): O;
  abstract map2(value: B): O;
  close?(): void | Promise<void>;
}

/** The object form of a CoMapFunction; the two may differ in what they return. */
export interface CoMap<A, B, O1, O2 = O1> {
  map1(value: A): O1;
  map2(value: B): O2;
}

/** Any number of results for each row of either stream: returned as an iterable, or collected into `out`. */
export abstract class CoFlatMapFunction<A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: OpenContext): void | Promise<void>;
  abstract flatMap1(value: A, out: Collector<O>): Nothing | Iterable<O>;
  abstract flatMap2(value: B, out: Collector<O>): Nothing | Iterable<O>;
  close?(): void | Promise<void>;
}

/** The object form of a CoFlatMapFunction. */
export interface CoFlatMap<A, B, O1, O2 = O1> {
  flatMap1(value: A, out: Collector<O1>): Nothing | Iterable<O1>;
  flatMap2(value: B, out: Collector<O2>): Nothing | Iterable<O2>;
}

/** What a CoProcessFunction may ask for. Timers need a key: use them where both streams are keyed. */
export type CoProcessContext = ProcessContext;

export interface CoOnTimerContext extends CoProcessContext {
  readonly timeDomain: OnTimerContext<unknown>['timeDomain'];
}

/** Class form for two streams, keyed or not. States and timers are there where both streams are keyed. */
export abstract class CoProcessFunction<A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: OpenContext): void | Promise<void>;
  abstract processElement1(value: A, ctx: CoProcessContext, out: Collector<O>): Nothing;
  abstract processElement2(value: B, ctx: CoProcessContext, out: Collector<O>): Nothing;
  onTimer?(timestamp: number, ctx: CoOnTimerContext, out: Collector<O>): Nothing;
  close?(): void | Promise<void>;
}

/** The object form for two streams without keys. */
export interface CoProcess<A, B, O> {
  readonly processElement1: (value: A, ctx: ProcessContext, out: Collector<O>) => Nothing;
  readonly processElement2: (value: B, ctx: ProcessContext, out: Collector<O>) => Nothing;
}

/** Class form for two keyed streams: both functions see the states and timers of the row's key. Get states in `open`. */
export abstract class KeyedCoProcessFunction<K, A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: OpenContext): void | Promise<void>;
  abstract processElement1(value: A, ctx: KeyedContext<K>, out: Collector<O>): Nothing;
  abstract processElement2(value: B, ctx: KeyedContext<K>, out: Collector<O>): Nothing;
  onTimer?(timestamp: number, ctx: OnTimerContext<K>, out: Collector<O>): Nothing;
  close?(): void | Promise<void>;
}

/** What `keyedCoProcess` makes. */
export interface KeyedCoProcess<K, A, B, O> {
  readonly __keyedCoProcess: () => {
    open(ctx: OpenContext): void;
    processElement1(value: A, ctx: KeyedContext<K>, out: Collector<O>): Nothing;
    processElement2(value: B, ctx: KeyedContext<K>, out: Collector<O>): Nothing;
    onTimer(timestamp: number, ctx: OnTimerContext<K>, out: Collector<O>): Nothing;
  };
}

/** The object form of a KeyedCoProcessFunction; `ctx.state` holds the handles of the declared states. */
export interface KeyedCoProcessDefinition<K, A, B, O, S extends StateDeclarations> {
  readonly state: S;
  processElement1(value: A, ctx: KeyedContext<K> & { readonly state: StateHandles<S> }, out: Collector<O>): Nothing;
  processElement2(value: B, ctx: KeyedContext<K> & { readonly state: StateHandles<S> }, out: Collector<O>): Nothing;
  onTimer?(timestamp: number, ctx: OnTimerContext<K> & { readonly state: StateHandles<S> }, out: Collector<O>): Nothing;
}

/**
 * A KeyedCoProcessFunction as an object, apart from the streams it is for.
 *
 * ```ts
 * keyedCoProcess({
 *   state: { price: valueState<number>() },
 *   processElement1(price: Price, ctx, _out: Collector<string>) {
 *     ctx.state.price.update(price.amount);
 *   },
 *   processElement2(order: Order, ctx, out: Collector<string>) {
 *     out.collect(`${ctx.getCurrentKey()}: ${order.count * (ctx.state.price.value() ?? 0)}`);
 *   },
 * })
 * ```
 */
export function keyedCoProcess<K, A, B, O, S extends StateDeclarations>(
  definition: KeyedCoProcessDefinition<K, A, B, O, S>,
): KeyedCoProcess<K, A, B, O> {
  return {
    __keyedCoProcess: () => {
      const states = declaredStates(definition.state);
      return {
        open: states.open,
        processElement1: (value, ctx, out) => definition.processElement1(value, states.on(ctx), out),
        processElement2: (value, ctx, out) => definition.processElement2(value, states.on(ctx), out),
        onTimer: (timestamp, ctx, out) => definition.onTimer?.(timestamp, states.on(ctx), out),
      };
    },
  };
}
