/** Functions of a stream and a broadcast one, class and object forms (Flink: BroadcastProcessFunction, KeyedBroadcastProcessFunction). */
import type {
  BroadcastContext,
  BroadcastReadContext,
  KeyedBroadcastContext,
  KeyedBroadcastOnTimerContext,
  KeyedBroadcastReadContext,
} from '../operators/broadcast-process-function.ts';
import type { Collector } from '../operators/collector.ts';
import type { OpenContext } from '../operators/keyed-process-function.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';
import { declaredStates, type Nothing, type StateDeclarations, type StateHandles } from './functions.ts';

/** Class form for a stream without keys. */
export abstract class BroadcastProcessFunction<A, B, O> {
  /** Keeps objects that merely look alike apart: those have no life cycle. */
  declare protected readonly form: 'class';
  open?(ctx: RuntimeContext): void | Promise<void>;
  abstract processElement(value: A, ctx: BroadcastReadContext, out: Collector<O>): Nothing;
  abstract processBroadcastElement(value: B, ctx: BroadcastContext, out: Collector<O>): Nothing;
  close?(): void | Promise<void>;
}

/** The object form of a BroadcastProcessFunction. */
export interface BroadcastProcess<A, B, O> {
  readonly processElement: (value: A, ctx: BroadcastReadContext, out: Collector<O>) => Nothing;
  readonly processBroadcastElement: (value: B, ctx: BroadcastContext, out: Collector<O>) => Nothing;
}

/** Class form for a keyed stream, with keyed state and timers. Get states in `open` and keep the handles in fields. */
export abstract class KeyedBroadcastProcessFunction<K, A, B, O> {
  declare protected readonly form: 'class';
  open?(ctx: OpenContext): void | Promise<void>;
  abstract processElement(value: A, ctx: KeyedBroadcastReadContext<K>, out: Collector<O>): Nothing;
  abstract processBroadcastElement(value: B, ctx: KeyedBroadcastContext<K>, out: Collector<O>): Nothing;
  onTimer?(timestamp: number, ctx: KeyedBroadcastOnTimerContext<K>, out: Collector<O>): Nothing;
  close?(): void | Promise<void>;
}

/** What `keyedBroadcastProcess` makes. */
export interface KeyedBroadcastProcess<K, A, B, O> {
  readonly __keyedBroadcastProcess: () => {
    open(ctx: OpenContext): void;
    processElement(value: A, ctx: KeyedBroadcastReadContext<K>, out: Collector<O>): Nothing;
    processBroadcastElement(value: B, ctx: KeyedBroadcastContext<K>, out: Collector<O>): Nothing;
    onTimer(timestamp: number, ctx: KeyedBroadcastOnTimerContext<K>, out: Collector<O>): Nothing;
  };
}

/**
 * The object form of a KeyedBroadcastProcessFunction; `ctx.state` holds the handles of the declared states. In processBroadcastElement
 * they are what `applyToKeyedState` takes.
 */
export interface KeyedBroadcastProcessDefinition<K, A, B, O, S extends StateDeclarations> {
  readonly state: S;
  processElement(
    value: A,
    ctx: KeyedBroadcastReadContext<K> & { readonly state: StateHandles<S> },
    out: Collector<O>,
  ): Nothing;
  processBroadcastElement(
    value: B,
    ctx: KeyedBroadcastContext<K> & { readonly state: StateHandles<S> },
    out: Collector<O>,
  ): Nothing;
  onTimer?(
    timestamp: number,
    ctx: KeyedBroadcastOnTimerContext<K> & { readonly state: StateHandles<S> },
    out: Collector<O>,
  ): Nothing;
}

/**
 * A KeyedBroadcastProcessFunction as an object, apart from the streams it is for.
 *
 * ```ts
 * const LIMITS = new MapStateDescriptor<string, number>('limits');
 * keyedBroadcastProcess({
 *   state: { total: valueState<number>({ defaultValue: 0 }) },
 *   processElement(order: Order, ctx, out: Collector<string>) {
 *     const total = ctx.state.total.value() + order.amount;
 *     ctx.state.total.update(total);
 *     const limit = ctx.getBroadcastState(LIMITS).get(order.country) ?? Infinity;
 *     if (total > limit) out.collect(`${ctx.getCurrentKey()} is above ${limit}`);
 *   },
 *   processBroadcastElement(limit: Limit, ctx, _out: Collector<string>) {
 *     ctx.getBroadcastState(LIMITS).put(limit.country, limit.amount);
 *   },
 * })
 * ```
 */
export function keyedBroadcastProcess<K, A, B, O, S extends StateDeclarations>(
  definition: KeyedBroadcastProcessDefinition<K, A, B, O, S>,
): KeyedBroadcastProcess<K, A, B, O> {
  return {
    __keyedBroadcastProcess: () => {
      const states = declaredStates(definition.state);
      return {
        open: states.open,
        processElement: (value, ctx, out) => definition.processElement(value, states.on(ctx), out),
        processBroadcastElement: (value, ctx, out) => definition.processBroadcastElement(value, states.on(ctx), out),
        onTimer: (timestamp, ctx, out) => definition.onTimer?.(timestamp, states.on(ctx), out),
      };
    },
  };
}
