/** DataStream and its kin (Flink: DataStream, SingleOutputStreamOperator, DataStreamSink). */
import type {
  KeySelection,
  Lifecycle,
  NodeOperator,
  PartitionScheme,
  StreamEdge,
  StreamNode,
} from '../graph/stream-graph.ts';
import { ConfigError } from '../model/errors.ts';
import type { Collector } from '../operators/collector.ts';
import {
  CheckpointedProcessFactory,
  isCheckpointed,
  type CheckpointedLogic,
} from '../operators/checkpointed-process-operator.ts';
import { CollectSink } from '../operators/collect-sink.ts';
import { FilterOperator } from '../operators/filter-operator.ts';
import { FlatMapOperator } from '../operators/flat-map-operator.ts';
import type { Fusible } from '../operators/fusible.ts';
import { noKey } from '../operators/keyless-context.ts';
import { MapOperator } from '../operators/map-operator.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import { PassThroughFactory } from '../operators/pass-through-operator.ts';
import { PrintSink } from '../operators/print-sink.ts';
import { ProcessOperator, type ProcessContext, type ProcessLogic } from '../operators/process-operator.ts';
import { TimestampsOperator } from '../operators/timestamps-operator.ts';
import type { Sink } from '../ports/sink.ts';
import type { WatermarkStrategy } from '../time/watermark-strategy.ts';
import type { GlobalWindow } from '../windows/global-window.ts';
import { GlobalWindows } from '../windows/global-windows.ts';
import type { Window } from '../windows/time-window.ts';
import type { WindowAssigner } from '../windows/window-assigner.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { BroadcastConnectedStream } from './broadcast-connected-stream.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { AllWindowedStream } from './all-windowed-stream.ts';
import { countWindows } from './count-windows.ts';
import { BroadcastStream, type BroadcastStateDescriptor } from './broadcast-stream.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { CoGroupedStreams } from './co-grouped-streams.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { ConnectedStreams } from './connected-streams.ts';
import { copyOf } from './function-copy.ts';
import { KeyedProcessFunction, ProcessFunction, type Nothing } from './functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { JoinedStreams } from './joined-streams.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { KeyedStream } from './keyed-stream.ts';
import { lifecycleOf, RichFilterFunction, RichFlatMapFunction, RichMapFunction } from './rich-functions.ts';
import { checkBufferTimeout, checkMaxParallelism } from './parallelism-checks.ts';
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

  map<R>(mapper: ((value: T) => R) | RichMapFunction<T, R>, ..._sync: Synchronous<R>): SingleOutputStreamOperator<R>;
  map<R>(
    mapper: ((value: T) => R) | RichMapFunction<T, R>,
    ..._sync: readonly unknown[]
  ): SingleOutputStreamOperator<R> {
    const fn = mapper instanceof RichMapFunction ? (value: T): R => mapper.map(value) : mapper;
    return this.stateless<R>('Map', 'map', new MapOperator(fn), lifecycleOf(mapper));
  }

  filter<S extends T>(predicate: (value: T) => value is S): SingleOutputStreamOperator<S>;
  filter(predicate: ((value: T) => boolean) | RichFilterFunction<T>): SingleOutputStreamOperator<T>;
  filter(predicate: ((value: T) => boolean) | RichFilterFunction<T>): unknown {
    const fn = predicate instanceof RichFilterFunction ? (value: T) => predicate.filter(value) : predicate;
    return this.stateless<T>('Filter', 'filter', new FilterOperator(fn), lifecycleOf(predicate));
  }

  /** Return an iterable (its element type is inferred), or collect into `out: Collector<R>`. */
  flatMap<R>(
    flatMapper: ((value: T, out: Collector<R>) => Nothing | Iterable<R>) | RichFlatMapFunction<T, R>,
  ): SingleOutputStreamOperator<R> {
    const fn =
      flatMapper instanceof RichFlatMapFunction
        ? (value: T, out: Collector<R>) => flatMapper.flatMap(value, out)
        : flatMapper;
    return this.stateless<R>('Flat Map', 'flatMap', new FlatMapOperator(fn), lifecycleOf(flatMapper));
  }

  process<R>(
    fn: ProcessFunction<T, R> | ((value: T, ctx: ProcessContext, out: Collector<R>) => Nothing),
  ): SingleOutputStreamOperator<R> {
    checkProcess(fn);
    if (isCheckpointed(fn)) return this.checkpointed<R>(fn);
    const logic: ProcessLogic = fn instanceof ProcessFunction ? fn : { processElement: fn };
    return this.stateless<R>('Process', 'process', new ProcessOperator(logic), lifecycleOf(fn));
  }

  /** A field name is worth 20–30 % over a function when the source has a declared schema. */
  keyBy<F extends keyof T & string>(field: F): KeyedStream<T, T[F]>;
  /** By several fields: the key is the list of their values. */
  keyBy<F extends keyof T & string, G extends keyof T & string>(a: F, b: G): KeyedStream<T, readonly [T[F], T[G]]>;
  keyBy<F extends keyof T & string, G extends keyof T & string, H extends keyof T & string>(
    a: F,
    b: G,
    c: H,
  ): KeyedStream<T, readonly [T[F], T[G], T[H]]>;
  keyBy<K>(selector: (value: T) => K, ..._sync: Synchronous<K>): KeyedStream<T, K>;
  keyBy<K>(key: string | ((value: T) => K), ...more: readonly unknown[]): unknown {
    const selection = keySelection(key, more);
    return new KeyedStream<T, K>(
      this.ctx,
      this.edges.map((edge) => ({ ...edge, partitioning: { kind: 'hash', key: selection } })),
    );
  }

  /** Deals rows out to the subtasks of the next operator in turn, split by split. */
  rebalance(): DataStream<T> {
    return this.partitioned({ kind: 'rebalance' });
  }
  /** As `rebalance`: there are no machines to be local to. */
  rescale(): DataStream<T> {
    return this.partitioned({ kind: 'rebalance' });
  }
  /** Spreads rows over the subtasks of the next operator as if by chance; a retry spreads them the same way. */
  shuffle(): DataStream<T> {
    return this.partitioned({ kind: 'shuffle' });
  }
  /** All rows to the first subtask of the next operator. */
  global(): DataStream<T> {
    return this.partitioned({ kind: 'global' });
  }
  /** Rows of a split, or of a key group, stay together. The default between operators. */
  forward(): DataStream<T> {
    return this;
  }

  /** `partitioner` gets the key and the number of subtasks of the next operator, and returns one of them, from 0. */
  partitionCustom<K>(
    partitioner: (key: K, numPartitions: number) => number,
    keySelector: (value: T) => K,
  ): DataStream<T> {
    return this.partitioned({
      kind: 'custom',
      partitionOf: (value: never, partitions) => partitioner(keySelector(value), partitions),
    });
  }

  /** Windows over the whole stream, in one place: no parallelism (Flink). */
  windowAll<W extends Window>(windows: WindowAssigner<T, W>): AllWindowedStream<T, W> {
    const inOnePlace = new KeyedStream<T, unknown>(this.ctx, this.partitioned({ kind: 'global' }).edges);
    return new AllWindowedStream<T, W>(inOnePlace, windows);
  }

  /** Every `size` rows of the stream. With a slide: every `slide` rows, over the last `size` of them. In order of arrival. */
  countWindowAll(size: number, slide?: number): AllWindowedStream<T, GlobalWindow> {
    return countWindows(this.windowAll(GlobalWindows.create()), size, slide);
  }

  union(...others: readonly DataStream<T>[]): DataStream<T> {
    for (const other of others) {
      if (other.ctx !== this.ctx)
        throw new ConfigError('union of streams from different environments: build them from the same env.');
    }
    return new DataStream<T>(this.ctx, [...this.edges, ...others.flatMap((other) => other.edges)]);
  }

  /** With a stream of another type, or with a broadcast one, into one operator. */
  connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<T, B>;
  connect<B>(other: DataStream<B>): ConnectedStreams<T, B>;
  connect<B>(other: BroadcastStream<B> | DataStream<B>): unknown {
    if (other instanceof BroadcastStream) return new BroadcastConnectedStream<T, B>(this, other);
    if (other instanceof DataStream) return new ConnectedStreams<T, B>(this, other);
    throw new ConfigError('connect(…) of a stream without keys takes another one without keys: call keyBy(…) on both.');
  }

  /** Pairs of rows with one key in one window: `.where('id').equalTo('id').window(…).apply((a, b) => …)`. */
  join<B>(other: DataStream<B>): JoinedStreams<T, B> {
    return new JoinedStreams<T, B>(this, other);
  }

  /** Rows with one key in one window, handed over together: `.where('id').equalTo('id').window(…).apply((as, bs) => …)`. */
  coGroup<B>(other: DataStream<B>): CoGroupedStreams<T, B> {
    return new CoGroupedStreams<T, B>(this, other);
  }

  /**
   * Every row to every subtask of the next operator. With descriptors: a stream to connect with, whose rows fill these states in every
   * subtask.
   */
  broadcast(): DataStream<T>;
  broadcast(...descriptors: readonly [BroadcastStateDescriptor, ...BroadcastStateDescriptor[]]): BroadcastStream<T>;
  broadcast(...descriptors: readonly unknown[]): unknown {
    if (descriptors.length === 0) return this.partitioned({ kind: 'copies' });
    return new BroadcastStream<T>(this.ctx, this.edges, descriptors);
  }

  assignTimestampsAndWatermarks(strategy: WatermarkStrategy<T>): SingleOutputStreamOperator<T> {
    if (strategy.alignment !== null) {
      throw new ConfigError(
        `withWatermarkAlignment('${strategy.alignment.group}') belongs to a source: give the strategy to fromSource instead of assignTimestampsAndWatermarks.`,
      );
    }
    const operator = new TimestampsOperator(strategy);
    return this.stateless<T>('Timestamps/Watermarks', 'timestamps', operator, null, strategy.rule.kind !== 'none');
  }

  sinkTo(sink: Sink<T>): DataStreamSink {
    return new DataStreamSink(this.addNode('Sink', { kind: 'sink', sink }));
  }

  /** Prints every row to standard output after its epoch has committed: at least once. */
  print(prefix = ''): DataStreamSink {
    return new DataStreamSink(this.addNode('Print to Std. Out', { kind: 'sink', sink: new PrintSink(prefix) }));
  }

  /** Runs the job and returns this stream's rows, at most `limit` of them, in the order of their epochs. */
  async executeAndCollect(limit = Number.POSITIVE_INFINITY): Promise<T[]> {
    const rows: T[] = [];
    this.addNode('Collect', { kind: 'sink', sink: new CollectSink<T>((row) => rows.length < limit && rows.push(row)) });
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
    const node = this.addNode(name, { kind: 'stateless', type, operator, lifecycle, setsTimestamps });
    return new SingleOutputStreamOperator<R>(this.ctx, node);
  }

  /** An instance of the function for each partition, in a stage of its own. */
  private checkpointed<R>(fn: CheckpointedLogic): SingleOutputStreamOperator<R> {
    const factory = new CheckpointedProcessFactory(() => copyOf(fn));
    const node = this.ctx.graph.add('Process', { kind: 'keyed', factory }, this.exchanged());
    return new SingleOutputStreamOperator<R>(this.ctx, node);
  }

  /** @internal The edges as an operator with a stage of its own takes them; what stays together without a key is one partition. */
  exchanged(input = 0): StreamEdge[] {
    return this.edges.map((edge) => ({
      ...edge,
      input,
      partitioning:
        edge.partitioning.kind === 'forward' ? { kind: 'partition', scheme: { kind: 'forward' } } : edge.partitioning,
    }));
  }

  /** @internal */
  partitioned(scheme: PartitionScheme): DataStream<T> {
    return new DataStream<T>(
      this.ctx,
      this.edges.map((edge) => ({ ...edge, partitioning: { kind: 'partition', scheme } })),
    );
  }

  /** A node that is chained to what comes before; rows that were dealt out pass a stage of their own first. */
  private addNode(name: string, operator: NodeOperator): StreamNode {
    const { graph } = this.ctx;
    const dealt = this.edges.filter(({ partitioning }) => partitioning.kind !== 'forward');
    if (dealt.length === 0) return graph.add(name, operator, this.edges);
    const others = this.edges.filter(({ partitioning }) => partitioning.kind === 'forward');
    const stage = graph.add('Partition', { kind: 'keyed', factory: new PassThroughFactory() }, dealt);
    const node = graph.add(name, operator, [...others, { from: stage, tag: null, partitioning: { kind: 'forward' } }]);
    stage.sizedBy = node;
    return node;
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
  /** Key groups are the job's: all operators that ask must ask for the same (`env.setMaxParallelism`). */
  setMaxParallelism(maxParallelism: number): this {
    checkMaxParallelism(maxParallelism);
    this.node.maxParallelism = maxParallelism;
    return this;
  }
  /** For those who come from Flink: changes nothing. Rows never wait for a buffer to fill; results become visible when their epoch commits. */
  setBufferTimeout(timeoutMs: number): this {
    checkBufferTimeout(timeoutMs);
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

/** What needs a key, or is no function at all, is told before it meets a row. */
function checkProcess(fn: unknown): void {
  if (typeof fn === 'function' || fn instanceof ProcessFunction) return;
  const isKeyed = fn instanceof KeyedProcessFunction || (typeof fn === 'object' && fn !== null && 'state' in fn);
  if (isKeyed) throw noKey(null, 'a KeyedProcessFunction');
  throw new ConfigError('process(…) takes a ProcessFunction, or a function of (value, ctx, out).');
}

function keySelection<T, K>(key: string | ((value: T) => K), more: readonly unknown[]): KeySelection {
  if (typeof key === 'function') return { kind: 'function', select: key };
  if (more.length === 0) return { kind: 'field', field: key };
  const fields = [key, ...more.map(String)];
  return { kind: 'function', select: (row: Record<string, unknown>) => fields.map((field) => row[field]) };
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
