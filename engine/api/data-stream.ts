/** DataStream and its kin (Flink: DataStream, SingleOutputStreamOperator, DataStreamSink). */
import type { Lifecycle, StreamEdge, StreamNode } from '../graph/stream-graph.ts';
import { ConfigError } from '../model/errors.ts';
import type { Collector } from '../operators/collector.ts';
import { CollectSink } from '../operators/collect-sink.ts';
import { FilterOperator } from '../operators/filter-operator.ts';
import { FlatMapOperator } from '../operators/flat-map-operator.ts';
import type { Fusible } from '../operators/fusible.ts';
import { MapOperator } from '../operators/map-operator.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import { PrintSink } from '../operators/print-sink.ts';
import { ProcessOperator, type ProcessContext, type ProcessLogic } from '../operators/process-operator.ts';
import { TimestampsOperator } from '../operators/timestamps-operator.ts';
import type { Sink } from '../ports/sink.ts';
import type { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { ProcessFunction, type Nothing } from './functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { KeyedStream } from './keyed-stream.ts';
import type { StreamContext } from './stream-context.ts';

/** An extra argument that nobody can give: what makes an async function a type error where nothing awaits it. */
export type Synchronous<R> =
  R extends PromiseLike<unknown> ? [error: 'user functions are synchronous: do I/O in a source or a sink'] : [];

export class DataStream<T> {
  /** @internal */
  readonly ctx: StreamContext;
  /** @internal */
  readonly edges: readonly StreamEdge[];
  declare readonly __type?: T;

  /** @internal */
  constructor(ctx: StreamContext, edges: readonly StreamEdge[]) {
    this.ctx = ctx;
    this.edges = edges;
  }

  map<R>(mapper: (value: T) => R, ..._sync: Synchronous<R>): SingleOutputStreamOperator<R>;
  map<R>(mapper: (value: T) => R, ..._sync: readonly unknown[]): SingleOutputStreamOperator<R> {
    return this.stateless<R>('Map', 'map', new MapOperator(mapper));
  }

  filter<S extends T>(predicate: (value: T) => value is S): SingleOutputStreamOperator<S>;
  filter(predicate: (value: T) => boolean): SingleOutputStreamOperator<T>;
  filter<S extends T>(predicate: ((value: T) => value is S) | ((value: T) => boolean)): unknown {
    return this.stateless<T>('Filter', 'filter', new FilterOperator(predicate));
  }

  /** Return an iterable (its element type is inferred), or collect into `out: Collector<R>`. */
  flatMap<R>(flatMapper: (value: T, out: Collector<R>) => Nothing | Iterable<R>): SingleOutputStreamOperator<R> {
    return this.stateless<R>('Flat Map', 'flatMap', new FlatMapOperator(flatMapper));
  }

  process<R>(
    fn: ProcessFunction<T, R> | ((value: T, ctx: ProcessContext, out: Collector<R>) => Nothing),
  ): SingleOutputStreamOperator<R> {
    const logic: ProcessLogic = fn instanceof ProcessFunction ? fn : { processElement: fn };
    return this.stateless<R>('Process', 'process', new ProcessOperator(logic), logic);
  }

  /** A field name is worth 20–30 % over a function when the source has a declared schema. */
  keyBy<F extends keyof T & string>(field: F): KeyedStream<T, T[F]>;
  keyBy<K>(selector: (value: T) => K, ..._sync: Synchronous<K>): KeyedStream<T, K>;
  keyBy<K>(key: string | ((value: T) => K), ..._sync: readonly unknown[]): unknown {
    const selection =
      typeof key === 'string' ? ({ kind: 'field', field: key } as const) : ({ kind: 'function', select: key } as const);
    return new KeyedStream<T, K>(
      this.ctx,
      this.edges.map((edge) => ({ ...edge, partitioning: { kind: 'hash', key: selection } })),
    );
  }

  union(...others: readonly DataStream<T>[]): DataStream<T> {
    for (const other of others) {
      if (other.ctx !== this.ctx)
        throw new ConfigError('union of streams from different environments: build them from the same env.');
    }
    return new DataStream<T>(this.ctx, [...this.edges, ...others.flatMap((other) => other.edges)]);
  }

  assignTimestampsAndWatermarks(strategy: WatermarkStrategy<T>): SingleOutputStreamOperator<T> {
    const operator = new TimestampsOperator(strategy);
    return this.stateless<T>('Timestamps/Watermarks', 'timestamps', operator, null, strategy.rule.kind !== 'none');
  }

  sinkTo(sink: Sink<T>): DataStreamSink {
    return new DataStreamSink(this.ctx.graph.add('Sink', { kind: 'sink', sink }, this.edges));
  }

  /** Prints every row to standard output after its epoch has committed: at least once. */
  print(prefix = ''): DataStreamSink {
    return new DataStreamSink(
      this.ctx.graph.add('Print to Std. Out', { kind: 'sink', sink: new PrintSink(prefix) }, this.edges),
    );
  }

  /** Runs the job and returns this stream's rows, at most `limit` of them, in the order of their epochs. */
  async executeAndCollect(limit = Number.POSITIVE_INFINITY): Promise<T[]> {
    const rows: T[] = [];
    this.ctx.graph.add(
      'Collect',
      { kind: 'sink', sink: new CollectSink<T>((row) => rows.length < limit && rows.push(row)) },
      this.edges,
    );
    await this.ctx.execute();
    return rows;
  }

  /** @internal */
  stateless<R>(
    name: string,
    type: string,
    operator: Fusible,
    lifecycle: Lifecycle | null = null,
    setsTimestamps = false,
  ): SingleOutputStreamOperator<R> {
    const node = this.ctx.graph.add(name, { kind: 'stateless', type, operator, lifecycle, setsTimestamps }, this.edges);
    return new SingleOutputStreamOperator<R>(this.ctx, node);
  }
}

/** A stream that one operator emits: it can be named, and it has side outputs. */
export class SingleOutputStreamOperator<T> extends DataStream<T> {
  private readonly node: StreamNode;

  /** @internal */
  constructor(ctx: StreamContext, node: StreamNode) {
    super(ctx, [{ from: node, tag: null, partitioning: { kind: 'forward' } }]);
    this.node = node;
  }

  getSideOutput<X>(tag: OutputTag<X>): DataStream<X> {
    return new DataStream<X>(this.ctx, [{ from: this.node, tag: tag.id, partitioning: { kind: 'forward' } }]);
  }

  name(name: string): this {
    this.node.name = name;
    return this;
  }
  /** Identity of the operator's state across versions of the job. */
  uid(uid: string): this {
    setUid(this.node, uid);
    return this;
  }
  setParallelism(parallelism: number): this {
    setParallelism(this.node, parallelism);
    return this;
  }
  disableChaining(): this {
    this.node.chaining = 'never';
    return this;
  }
  startNewChain(): this {
    this.node.chaining = 'head';
    return this;
  }
}

export class DataStreamSink {
  private readonly node: StreamNode;
  /** @internal */
  constructor(node: StreamNode) {
    this.node = node;
  }
  name(name: string): this {
    this.node.name = name;
    return this;
  }
  /** Identity of the sink: part of the names and markers of what it publishes. */
  uid(uid: string): this {
    setUid(this.node, uid);
    return this;
  }
  setParallelism(parallelism: number): this {
    setParallelism(this.node, parallelism);
    return this;
  }
}

function setUid(node: StreamNode, uid: string): void {
  if (!/^[A-Za-z0-9._-]{1,80}$/.test(uid))
    throw new ConfigError(
      `uid ${JSON.stringify(uid)}: use 1 to 80 of A-Z a-z 0-9 . _ -; it becomes part of file and item names.`,
    );
  node.uid = uid;
}

function setParallelism(node: StreamNode, parallelism: number): void {
  if (!Number.isInteger(parallelism) || parallelism < 1)
    throw new ConfigError(`parallelism of "${node.name}" must be a whole number, 1 or more; got ${parallelism}.`);
  node.parallelism = parallelism;
}
