/** ConnectedStreams (Flink): two streams of different types into one operator, with a function for each. */
import { ConfigError } from '../model/errors.ts';
import { coFlatMapLogic, coMapLogic } from '../operators/co-map-logic.ts';
import { CoProcessFactory, type CoProcessLogic } from '../operators/co-process-operator.ts';
import type { StreamEdge } from '../graph/stream-graph.ts';
import {
  CoFlatMapFunction,
  CoMapFunction,
  CoProcessFunction,
  KeyedCoProcessFunction,
  keyedCoProcess,
  type CoFlatMap,
  type CoMap,
  type CoProcess,
  type KeyedCoProcess,
  type KeyedCoProcessDefinition,
} from './co-functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { SingleOutputStreamOperator, type DataStream, type Synchronous } from './data-stream.ts';
import type { KeysOfType } from './field-types.ts';
import { checkFunctions, refuseLifeCycle } from './function-checks.ts';
import { copyOf } from './function-copy.ts';
import type { StateDeclarations } from './functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';
import { checkSameEnvironment } from './same-environment.ts';
import type { StreamContext } from './stream-context.ts';

/** What keyed and other connected streams have in common. */
abstract class TwoStreams<A, B> {
  private readonly ctx: StreamContext;
  private readonly edges: readonly StreamEdge[];
  private readonly isKeyed: boolean;

  constructor(ctx: StreamContext, edges: readonly StreamEdge[], isKeyed: boolean) {
    this.ctx = ctx;
    this.edges = edges;
    this.isKeyed = isKeyed;
  }

  /** A CoMapFunction, or `{ map1, map2 }`. */
  map<R1, R2>(
    fn: CoMap<A, B, R1, R2>,
    ..._sync: [...Synchronous<R1>, ...Synchronous<R2>]
  ): SingleOutputStreamOperator<R1 | R2>;
  map<R1, R2>(fn: CoMap<A, B, R1, R2>, ..._sync: readonly unknown[]): SingleOutputStreamOperator<R1 | R2> {
    checkFunctions(fn, ['map1', 'map2'], 'map(…) of connected streams', 'CoMapFunction');
    if (!(fn instanceof CoMapFunction)) refuseLifeCycle(fn, 'CoMapFunction');
    return this.operator<R1 | R2>('Co-Map', () => coMapLogic(copyOf(fn)));
  }

  /** A CoFlatMapFunction, or `{ flatMap1, flatMap2 }`; each returns an iterable, or collects into `out`. */
  flatMap<R1, R2>(fn: CoFlatMap<A, B, R1, R2>): SingleOutputStreamOperator<R1 | R2> {
    checkFunctions(fn, ['flatMap1', 'flatMap2'], 'flatMap(…) of connected streams', 'CoFlatMapFunction');
    if (!(fn instanceof CoFlatMapFunction)) refuseLifeCycle(fn, 'CoFlatMapFunction');
    return this.operator<R1 | R2>('Co-Flat Map', () => coFlatMapLogic(copyOf(fn)));
  }

  /** @internal */
  protected operator<R>(name: string, make: () => CoProcessLogic): SingleOutputStreamOperator<R> {
    const factory = new CoProcessFactory(make, this.isKeyed);
    return new SingleOutputStreamOperator<R>(
      this.ctx,
      this.ctx.graph.add(name, { kind: 'keyed', factory }, this.edges),
    );
  }
}

const ELEMENT_FUNCTIONS = ['processElement1', 'processElement2'];

/** Two streams without keys: no state, no timers. */
export class ConnectedStreams<A, B> extends TwoStreams<A, B> {
  private readonly first: DataStream<A>;
  private readonly second: DataStream<B>;

  /** @internal */
  constructor(first: DataStream<A>, second: DataStream<B>) {
    checkSameEnvironment('connect', first.ctx, second.ctx);
    super(first.ctx, [...first.exchanged(0), ...second.exchanged(1)], false);
    this.first = first;
    this.second = second;
  }

  /** Rows of both streams with one key come to one place: a field of each, or a function of each. */
  keyBy<FA extends keyof A & string, FB extends KeysOfType<B, A[FA]> & string>(
    field1: FA,
    field2: FB,
  ): KeyedConnectedStreams<A, B, A[FA]>;
  keyBy<K>(selector1: (value: A) => K, selector2: (value: B) => K): KeyedConnectedStreams<A, B, K>;
  keyBy(key1: unknown, key2: unknown): unknown {
    return this.first.keyBy(key1 as (value: A) => unknown).connect(this.second.keyBy(key2 as (value: B) => unknown));
  }

  /** A CoProcessFunction, or `{ processElement1, processElement2 }`. */
  process<R>(fn: CoProcessFunction<A, B, R>): SingleOutputStreamOperator<R>;
  process<R>(fn: CoProcess<A, B, R>): SingleOutputStreamOperator<R>;
  process<R>(fn: CoProcessFunction<A, B, R> | CoProcess<A, B, R>): SingleOutputStreamOperator<R> {
    const call = 'process(…) of connected streams';
    checkFunctions(fn, ELEMENT_FUNCTIONS, call, 'CoProcessFunction');
    if (fn instanceof KeyedCoProcessFunction || 'onTimer' in fn || 'state' in fn) {
      throw new ConfigError(
        `${call}: state and timers belong to a key, and these streams have none. Call keyBy(…) on both, or connect(…).keyBy(key1, key2).`,
      );
    }
    if (!(fn instanceof CoProcessFunction)) refuseLifeCycle(fn, 'CoProcessFunction');
    return this.operator<R>('Co-Process', () => copyOf(fn));
  }
}

/** Two keyed streams: both functions see the states and timers of the row's key. */
export class KeyedConnectedStreams<A, B, K> extends TwoStreams<A, B> {
  /** @internal */
  constructor(first: KeyedStream<A, K>, second: KeyedStream<B, K>) {
    checkSameEnvironment('connect', first.ctx, second.ctx);
    const edges = [first.edges, second.edges].flatMap((of, input) => of.map((edge) => ({ ...edge, input })));
    super(first.ctx, edges, true);
  }

  /** Class form, `keyedCoProcess({ state, processElement1, processElement2, onTimer })`, or that object itself. */
  process<R>(
    fn: KeyedCoProcessFunction<K, A, B, R> | CoProcessFunction<A, B, R> | KeyedCoProcess<K, A, B, R>,
  ): SingleOutputStreamOperator<R>;
  process<R, S extends StateDeclarations>(
    definition: KeyedCoProcessDefinition<K, A, B, R, S>,
  ): SingleOutputStreamOperator<R>;
  process<R, S extends StateDeclarations>(
    fn:
      | KeyedCoProcessFunction<K, A, B, R>
      | CoProcessFunction<A, B, R>
      | KeyedCoProcess<K, A, B, R>
      | KeyedCoProcessDefinition<K, A, B, R, S>,
  ): SingleOutputStreamOperator<R> {
    if (fn !== null && '__keyedCoProcess' in fn) return this.operator<R>('Co-Process', fn.__keyedCoProcess);
    checkFunctions(fn, ELEMENT_FUNCTIONS, 'process(…) of keyed connected streams', 'KeyedCoProcessFunction');
    if (fn instanceof KeyedCoProcessFunction || fn instanceof CoProcessFunction) {
      return this.operator<R>('Co-Process', () => copyOf(fn));
    }
    return this.operator<R>('Co-Process', keyedCoProcess(fn).__keyedCoProcess);
  }
}
