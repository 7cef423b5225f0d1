/** KeyedStream and WindowedStream (Flink). */
import type { KeySelection, StreamEdge } from '../graph/stream-graph.ts';
import { ConfigError } from '../model/errors.ts';
import { KeyedProcessFactory } from '../operators/keyed-process-operator.ts';
import type { KeyedOperatorFactory } from '../operators/keyed-operator.ts';
import type { KeyedProcessLogic } from '../operators/keyed-process-function.ts';
import { KeyedReduceFactory, type Reduce } from '../operators/keyed-reduce-operator.ts';
import type { AlignedWindows } from '../windows/assigners.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { SingleOutputStreamOperator } from './data-stream.ts';
import { fieldReduce, type FieldReduction } from './field-reduce.ts';
import {
  keyedProcess,
  KeyedProcessFunction,
  type KeyedProcess,
  type KeyedProcessDefinition,
  type StateDeclarations,
} from './functions.ts';
import type { StreamContext } from './stream-context.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { WindowedStream } from './windowed-stream.ts';

export class KeyedStream<T, K> {
  /** @internal */
  readonly ctx: StreamContext;
  /** @internal */
  readonly edges: readonly StreamEdge[];
  declare readonly __key?: K;
  declare readonly __type?: T;

  /** @internal */
  constructor(ctx: StreamContext, edges: readonly StreamEdge[]) {
    this.ctx = ctx;
    this.edges = edges;
  }

  /** Class form, `keyedProcess({ state, processElement, onTimer })`, or that object itself, whose element and key types are then known. */
  process<R>(fn: KeyedProcessFunction<K, T, R> | KeyedProcess<K, T, R>): SingleOutputStreamOperator<R>;
  process<R, S extends StateDeclarations>(
    definition: KeyedProcessDefinition<K, T, R, S>,
  ): SingleOutputStreamOperator<R>;
  process<R, S extends StateDeclarations>(
    fn: KeyedProcessFunction<K, T, R> | KeyedProcess<K, T, R> | KeyedProcessDefinition<K, T, R, S>,
  ): SingleOutputStreamOperator<R> {
    const form = fn instanceof KeyedProcessFunction || '__keyedProcess' in fn ? fn : keyedProcess(fn);
    const make = (): KeyedProcessLogic => (form instanceof KeyedProcessFunction ? copyOf(form) : form.__keyedProcess());
    return this.keyed<R>('KeyedProcess', new KeyedProcessFactory(make));
  }

  /** Emits the key's new value after every row; the first row as it is. Return a new object: what was emitted must not change. */
  reduce(reducer: (a: T, b: T) => T): SingleOutputStreamOperator<T> {
    return this.keyed<T>('Keyed Reduce', new KeyedReduceFactory(reducer as Reduce));
  }

  /** Rolling sum of a numeric field; the other fields are those of the key's first row (Flink). */
  sum(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.rolling('sum', field);
  }
  /** Rolling minimum of a field; the other fields are those of the first row. */
  min(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.rolling('min', field);
  }
  max(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.rolling('max', field);
  }
  /** The whole row with the smallest value of the field; the first of equals. */
  minBy(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.rolling('minBy', field);
  }
  maxBy(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.rolling('maxBy', field);
  }

  window(windows: AlignedWindows): WindowedStream<T, K> {
    if ((windows as Partial<AlignedWindows> | null)?.kind !== 'tumbling-event-time') {
      throw new ConfigError(
        'window(…) takes a window assigner, e.g. TumblingEventTimeWindows.of(Duration.ofHours(1)).',
      );
    }
    return new WindowedStream<T, K>(this, windows);
  }

  /** @internal */
  keyed<R>(name: string, factory: KeyedOperatorFactory): SingleOutputStreamOperator<R> {
    return new SingleOutputStreamOperator<R>(
      this.ctx,
      this.ctx.graph.add(name, { kind: 'keyed', factory }, this.edges),
    );
  }

  /** @internal */
  get selection(): KeySelection {
    const { partitioning } = this.edges[0]!;
    if (partitioning.kind !== 'hash') throw new ConfigError('not a keyed stream');
    return partitioning.key;
  }

  private rolling(kind: FieldReduction, field: string): SingleOutputStreamOperator<T> {
    return this.keyed<T>(`Keyed ${kind}(${field})`, new KeyedReduceFactory(fieldReduce(kind, field)));
  }
}

/** Flink serialises a function for every subtask; here every subtask gets a copy with the same fields. */
function copyOf<F extends object>(fn: F): F {
  return Object.assign(Object.create(Object.getPrototypeOf(fn) as object) as F, fn);
}
