/**
 * What the operator harnesses share (Flink: AbstractStreamOperatorTestHarness): time, output, timers, state, snapshots. Behind each is a
 * MiniRuntime, so that what is tested is what runs in production: every call is an epoch of its own, committed when it returns.
 */
import type { DataStream, SingleOutputStreamOperator } from '../api/data-stream.ts';
import type { StreamExecutionEnvironment } from '../api/environment.ts';
import type { JobNode } from '../graph/job-graph.ts';
import { ConfigError } from '../model/errors.ts';
import { NO_TIMESTAMP } from '../model/watermark.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import { CommittedRows } from './committed-rows.ts';
import { CommittedState } from './committed-state.ts';
import type { AnyHarnessInput } from './harness-input.ts';
import type { InMemorySavepoint } from './in-memory-savepoint.ts';
import { MiniRuntime } from './mini-runtime.ts';

/** An element on its way out. */
export interface TimestampedValue<T> {
  readonly value: T;
  /** Epoch milliseconds; null: it has none. */
  readonly timestamp: number | null;
}

export interface HarnessOptions {
  /** Side outputs to collect; late data has one, too. */
  readonly sideOutputs?: readonly OutputTag<unknown>[];
  /** Key groups are packed into so many subtasks. What an operator answers for a key does not depend on it. Default 1. */
  readonly subtasks?: number;
  /** Fanned out over so many workers in this thread. */
  readonly workers?: number;
  /** Number of key groups. Default 128; a snapshot's must stay. */
  readonly maxParallelism?: number;
  /** Begin with this state. */
  readonly from?: HarnessSnapshot;
  /** Processing time to begin with. Default 0, or the snapshot's. */
  readonly startMs?: number;
}

/** State, timers, watermarks and processing time of a harness, to begin others with. */
export interface HarnessSnapshot {
  readonly savepoint: InMemorySavepoint;
  readonly positions: readonly number[];
}

export abstract class OperatorTestHarness<OUT> {
  readonly #inputs: readonly AnyHarnessInput[];
  readonly #runtime: MiniRuntime;
  readonly #output = new CommittedRows<OUT>();
  readonly #sides = new Map<string, CommittedRows<unknown>>();
  #operator: { readonly node: JobNode; readonly maxParallelism: number } | null = null;

  protected constructor(
    inputs: readonly AnyHarnessInput[],
    build: (env: StreamExecutionEnvironment) => DataStream<OUT>,
    options: HarnessOptions,
  ) {
    this.#inputs = inputs;
    for (const { id } of options.sideOutputs ?? []) this.#sides.set(id, new CommittedRows());
    const { from, ...rest } = options;
    this.#runtime = new MiniRuntime(({ env }) => this.#wire(build(env), options.sideOutputs ?? []), {
      ...rest,
      ...(from === undefined ? {} : { from: from.savepoint }),
    });
  }

  /** Opens the operator. */
  protected async opened(): Promise<this> {
    await this.run();
    return this;
  }

  /** An epoch over what has been pushed. */
  protected async run(): Promise<void> {
    await this.#runtime.runEpoch();
  }

  /** Epoch milliseconds; timers that are due fire. */
  async setProcessingTime(ms: number): Promise<void> {
    this.#runtime.setProcessingTime(ms);
    await this.run();
  }
  getProcessingTime(): number {
    return this.#runtime.processingTime;
  }

  /** What the operator has emitted, in order. */
  getOutput(): readonly TimestampedValue<OUT>[] {
    return withTimestamps(this.#output);
  }
  /** The same without timestamps. */
  extractOutputValues(): OUT[] {
    return this.#output.values;
  }
  /** Of a tag among the options' `sideOutputs`. */
  getSideOutput<X>(tag: OutputTag<X>): readonly TimestampedValue<X>[] {
    const side = this.#sides.get(tag.id);
    if (side !== undefined) return withTimestamps(side as CommittedRows<X>);
    throw new ConfigError(
      `the harness does not collect side output "${tag.id}": name it when it is made, { sideOutputs: [tag] }.`,
    );
  }
  /** Forgets what has been emitted, side outputs included. */
  clearOutput(): void {
    for (const sink of [this.#output, ...this.#sides.values()]) sink.rows.length = 0;
  }

  /** The operator's watermark; MIN_WATERMARK before the first. */
  getCurrentWatermark(): number {
    const ofStages = Object.values(this.#runtime.manifests.at(-1)?.watermarks ?? {});
    // Without a stage the operator is part of its source's chain, whose watermark is the input's.
    return Math.min(...(ofStages.length > 0 ? ofStages : this.#inputs.map((input) => input.currentWatermark)));
  }

  /** Timers registered: of one key, or of all. */
  async numEventTimeTimers(key?: unknown): Promise<number> {
    return (await this.#state()).timers('event', key).length;
  }
  async numProcessingTimeTimers(key?: unknown): Promise<number> {
    return (await this.#state()).timers('processing', key).length;
  }
  /** Their times, ascending. */
  async eventTimeTimers(key?: unknown): Promise<readonly number[]> {
    return (await this.#state()).timers('event', key);
  }
  async processingTimeTimers(key?: unknown): Promise<readonly number[]> {
    return (await this.#state()).timers('processing', key);
  }

  /** Pairs of a key and a state of it that holds something. */
  async numKeyedStateEntries(): Promise<number> {
    return (await this.#state()).keyedStates;
  }
  /** What a key's state holds. Of the function form `state: { count: valueState<number>() }`: `new ValueStateDescriptor<number>('count')`. */
  async getState<T>(key: unknown, descriptor: ValueStateDescriptor<T>): Promise<T | null> {
    return (await this.#state()).value(key, descriptor);
  }
  async getListState<T>(key: unknown, descriptor: ListStateDescriptor<T>): Promise<readonly T[]> {
    return (await this.#state()).list(key, descriptor);
  }
  async getMapState<UK, UV>(key: unknown, descriptor: MapStateDescriptor<UK, UV>): Promise<ReadonlyMap<UK, UV>> {
    return (await this.#state()).map(key, descriptor);
  }
  async getReducingState<T>(key: unknown, descriptor: ReducingStateDescriptor<T>): Promise<T | null> {
    return (await this.#state()).reducing(key, descriptor);
  }
  async getAggregatingState<IN, ACC, OUT_>(
    key: unknown,
    descriptor: AggregatingStateDescriptor<IN, ACC, OUT_>,
  ): Promise<OUT_ | null> {
    return (await this.#state()).aggregating(key, descriptor);
  }
  async getBroadcastState<UK, UV>(descriptor: MapStateDescriptor<UK, UV>): Promise<ReadonlyMap<UK, UV>> {
    return (await this.#state()).broadcast(descriptor);
  }

  /** For `from` of another harness, which may have other subtasks, workers, or a newer version of the function. This one goes on. */
  async snapshot(): Promise<HarnessSnapshot> {
    return { savepoint: await this.#runtime.savepoint(), positions: this.#inputs.map(({ position }) => position) };
  }

  /** All inputs end: the watermark becomes the greatest, what waits for it fires, and the operator closes. */
  async endInput(): Promise<void> {
    for (const input of this.#inputs) input.end();
    await this.#runtime.runUntilIdle();
  }

  /** Closes the operator. */
  async close(): Promise<void> {
    await this.#runtime.stop();
  }

  #wire(operator: DataStream<OUT>, tags: readonly OutputTag<unknown>[]): void {
    operator.sinkTo(this.#output).uid('output');
    for (const [i, tag] of tags.entries()) {
      if (!('getSideOutput' in operator)) throw new ConfigError('only an operator has side outputs: return one.');
      const of = operator as SingleOutputStreamOperator<OUT>;
      of.getSideOutput(tag).sinkTo(this.#sides.get(tag.id)!).uid(`side-output-${i}`);
    }
  }

  async #state(): Promise<CommittedState> {
    const { job } = this.#runtime;
    const { node, maxParallelism } = (this.#operator ??= statefulOperator(job.build().graph));
    return await CommittedState.read(job.ports, job.name, node, maxParallelism);
  }
}

function withTimestamps<T>(sink: CommittedRows<T>): TimestampedValue<T>[] {
  return sink.rows.map(({ value, timestamp }) => ({ value, timestamp: timestamp === NO_TIMESTAMP ? null : timestamp }));
}

/** The last operator that may have keyed state: what is under test, if the harness holds several. */
function statefulOperator({
  nodes,
  maxParallelism,
}: {
  readonly nodes: readonly JobNode[];
  readonly maxParallelism: number;
}): { readonly node: JobNode; readonly maxParallelism: number } {
  const node = nodes.findLast(({ operator }) => operator.kind === 'keyed');
  if (node === undefined)
    throw new ConfigError('this operator has neither keyed state nor timers: its stream has no key.');
  return { node, maxParallelism };
}
