/** KeyedStream and WindowedStream (Flink). */
import type { KeySelection, StreamEdge } from '../graph/stream-graph.ts';
import { ConfigError } from '../model/errors.ts';
import type { Collector } from '../operators/collector.ts';
import { keyedFilterLogic, keyedFlatMapLogic, keyedMapLogic } from '../operators/keyed-map-logic.ts';
import { KeyedProcessFactory } from '../operators/keyed-process-operator.ts';
import type { KeyedOperatorFactory } from '../operators/keyed-operator.ts';
import type { KeyedProcessLogic } from '../operators/keyed-process-function.ts';
import { KeyedReduceFactory, type Reduce } from '../operators/keyed-reduce-operator.ts';
import type { GlobalWindow } from '../windows/global-window.ts';
import { GlobalWindows } from '../windows/global-windows.ts';
import type { Window } from '../windows/time-window.ts';
import { WindowAssigner } from '../windows/window-assigner.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { KeyedBroadcastConnectedStream } from './broadcast-connected-stream.ts';
import { BroadcastStream } from './broadcast-stream.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { KeyedConnectedStreams } from './connected-streams.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { SingleOutputStreamOperator, type Synchronous } from './data-stream.ts';
import { fieldReduce, type FieldReduction } from './field-reduce.ts';
import { countWindows } from './count-windows.ts';
import { refuseCheckpointed } from './function-checks.ts';
import { copyOf } from './function-copy.ts';
import {
  keyedProcess,
  KeyedProcessFunction,
  type KeyedProcess,
  type KeyedProcessDefinition,
  type Nothing,
  type StateDeclarations,
} from './functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { IntervalJoin } from './interval-join.ts';
import type { RichFilterFunction, RichFlatMapFunction, RichMapFunction } from './rich-functions.ts';
import type { StreamContext } from './stream-context.ts';
import { checkSynchronous } from './synchronous.ts';
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
    refuseCheckpointed(fn, 'process(…) of a keyed stream');
    const form = fn instanceof KeyedProcessFunction || '__keyedProcess' in fn ? fn : keyedProcess(fn);
    const make = (): KeyedProcessLogic => (form instanceof KeyedProcessFunction ? copyOf(form) : form.__keyedProcess());
    return this.keyed<R>('KeyedProcess', new KeyedProcessFactory(make));
  }

  /** As on a stream without keys; `open` of a RichMapFunction may ask for states, which are those of the row's key. */
  map<R>(mapper: ((value: T) => R) | RichMapFunction<T, R>, ..._sync: Synchronous<R>): SingleOutputStreamOperator<R>;
  map<R>(
    mapper: ((value: T) => R) | RichMapFunction<T, R>,
    ..._sync: readonly unknown[]
  ): SingleOutputStreamOperator<R> {
    const fn = typeof mapper === 'function' ? { map: mapper } : mapper;
    checkSynchronous(fn.map, 'map(…) of a keyed stream');
    return this.keyed<R>('Keyed Map', new KeyedProcessFactory(() => keyedMapLogic(copyOf(fn))));
  }

  /** Any number of results for a row: return an iterable, or collect into `out`. A RichFlatMapFunction may have states. */
  flatMap<R>(
    flatMapper: ((value: T, out: Collector<R>) => Nothing | Iterable<R>) | RichFlatMapFunction<T, R>,
  ): SingleOutputStreamOperator<R> {
    const fn = typeof flatMapper === 'function' ? { flatMap: flatMapper } : flatMapper;
    checkSynchronous(fn.flatMap, 'flatMap(…) of a keyed stream');
    return this.keyed<R>('Keyed Flat Map', new KeyedProcessFactory(() => keyedFlatMapLogic(copyOf(fn))));
  }

  /** A RichFilterFunction may have states: rows are kept or dropped by what came before with their key. */
  filter<S extends T>(predicate: (value: T) => value is S): SingleOutputStreamOperator<S>;
  filter(predicate: ((value: T) => boolean) | RichFilterFunction<T>): SingleOutputStreamOperator<T>;
  filter(predicate: ((value: T) => boolean) | RichFilterFunction<T>): unknown {
    const fn = typeof predicate === 'function' ? { filter: predicate } : predicate;
    checkSynchronous(fn.filter, 'filter(…) of a keyed stream');
    return this.keyed<T>('Keyed Filter', new KeyedProcessFactory(() => keyedFilterLogic(copyOf(fn))));
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
  /** The whole row with the smallest value of the field; the first of equals, or the last with `first` = false. */
  minBy(field: keyof T & string, first = true): SingleOutputStreamOperator<T> {
    return this.rolling('minBy', field, first);
  }
  maxBy(field: keyof T & string, first = true): SingleOutputStreamOperator<T> {
    return this.rolling('maxBy', field, first);
  }

  /** `window(TumblingEventTimeWindows.of(Duration.ofHours(1)))`, or sliding, session, global windows, or an assigner of your own. */
  window<W extends Window>(windows: WindowAssigner<T, W>): WindowedStream<T, K, W> {
    if (!(windows instanceof WindowAssigner)) {
      throw new ConfigError(
        'window(…) takes a window assigner, e.g. TumblingEventTimeWindows.of(Duration.ofHours(1)).',
      );
    }
    return new WindowedStream<T, K, W>(this, windows);
  }

  /** Every `size` rows of a key. With a slide: every `slide` rows, over the last `size` of them. In order of arrival. */
  countWindow(size: number, slide?: number): WindowedStream<T, K, GlobalWindow> {
    return countWindows(this.window(GlobalWindows.create()), size, slide);
  }

  /** With another keyed stream, whose keys are of the same type, or with a broadcast one. */
  connect<B>(other: BroadcastStream<B>): KeyedBroadcastConnectedStream<T, B, K>;
  connect<B>(other: KeyedStream<B, K>): KeyedConnectedStreams<T, B, K>;
  connect<B>(other: BroadcastStream<B> | KeyedStream<B, K>): unknown {
    if (other instanceof BroadcastStream) return new KeyedBroadcastConnectedStream<T, B, K>(this, other);
    checkKeyed(other, 'connect');
    return new KeyedConnectedStreams<T, B, K>(this, other);
  }

  /** Pairs of rows with one key whose timestamps are near each other: `.between(lower, upper).process(…)`. */
  intervalJoin<B>(other: KeyedStream<B, K>): IntervalJoin<T, B, K> {
    checkKeyed(other, 'intervalJoin');
    return new IntervalJoin<T, B, K>(this, other);
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

  private rolling(kind: FieldReduction, field: string, first = true): SingleOutputStreamOperator<T> {
    return this.keyed<T>(`Keyed ${kind}(${field})`, new KeyedReduceFactory(fieldReduce(kind, field, first)));
  }
}

function checkKeyed(other: unknown, call: string): void {
  if (other instanceof KeyedStream) return;
  throw new ConfigError(`${call}(…) of a keyed stream takes another keyed stream: call keyBy(…) on it first.`);
}
