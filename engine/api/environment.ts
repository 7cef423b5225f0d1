/** StreamExecutionEnvironment (Flink): where a job's graph begins. */
import { buildJobGraph, type JobGraph } from '../graph/job-graph.ts';
import { planText } from '../graph/plan-text.ts';
import { StreamGraph } from '../graph/stream-graph.ts';
import type { DeadLetter } from '../model/bad-record.ts';
import { ConfigError } from '../model/errors.ts';
import type { EpochMode } from '../model/epoch-mode.ts';
import { DEFAULT_EPOCH_MS } from '../model/limits.ts';
import type { RestartStrategy } from '../model/restart-strategy.ts';
import type { StateBackendKind } from '../model/state-backend.ts';
import { CollectionSource } from '../operators/collection-source.ts';
import type { Source } from '../ports/source.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { SingleOutputStreamOperator, type DataStream } from './data-stream.ts';
import { currentExecutor, type Executor, type JobExecutionResult } from './executor.ts';
import { JobClient } from './job-client.ts';
import { CheckpointConfig, RestartStrategies, type JobSettings } from './job-settings.ts';
import { checkBufferTimeout, checkMaxParallelism } from './parallelism-checks.ts';
import { stateBackendOf, type StateBackend, type StateBackendName } from './state-backends.ts';
import type { StreamContext } from './stream-context.ts';

export class StreamExecutionEnvironment {
  /** @internal */
  readonly graph = new StreamGraph();
  private readonly checkpoints = new CheckpointConfig();
  private restart: RestartStrategy = RestartStrategies.fixedDelayRestart(3, 200);
  private epochMode: EpochMode = 'auto';
  private stateBackend: StateBackendKind | null = null;
  private readonly ctx: StreamContext;
  private jobName: string;
  /** Operators there were at the last execution. */
  private executed = 0;
  private letters: DataStream<DeadLetter> | null = null;

  /** @internal */
  constructor(jobName = 'job') {
    this.jobName = jobName;
    this.ctx = {
      graph: this.graph,
      execute: (name) => this.execute(name),
      executor: () => currentExecutor(),
    };
  }

  static getExecutionEnvironment(): StreamExecutionEnvironment {
    return new StreamExecutionEnvironment();
  }

  fromSource<T>(
    source: Source<T>,
    strategy: WatermarkStrategy<NoInfer<T>>,
    name: string,
  ): SingleOutputStreamOperator<T> {
    const node = this.graph.add(name, { kind: 'source', source, strategy }, []);
    return new SingleOutputStreamOperator<T>(this.ctx, node);
  }

  /** A bounded stream of the given elements, in this order. */
  fromData<T>(...elements: readonly T[]): SingleOutputStreamOperator<T> {
    return this.fromSource(new CollectionSource(elements), WatermarkStrategy.noWatermarks(), 'Collection Source');
  }

  /**
   * Records that did not parse or made user code throw, with where and why. Asking for them turns such records from failures of the
   * job into rows of this stream, committed with their epoch.
   */
  deadLetters(): DataStream<DeadLetter> {
    this.letters ??= new SingleOutputStreamOperator<DeadLetter>(
      this.ctx,
      this.graph.add('Dead Letters', { kind: 'dead-letters' }, []),
    );
    return this.letters;
  }

  setParallelism(parallelism: number): this {
    if (!Number.isInteger(parallelism) || parallelism < 1)
      throw new ConfigError(`parallelism is a whole number, 1 or more; got ${parallelism}.`);
    this.graph.parallelism = parallelism;
    return this;
  }
  getParallelism(): number {
    return this.graph.parallelism;
  }

  /** Number of key groups; fixed for the life of the job's state. Default 128. */
  setMaxParallelism(maxParallelism: number): this {
    checkMaxParallelism(maxParallelism);
    this.graph.maxParallelism = maxParallelism;
    return this;
  }

  /** For those who come from Flink: changes nothing. Rows never wait for a buffer to fill; results become visible when their epoch commits. */
  setBufferTimeout(timeoutMs: number): this {
    checkBufferTimeout(timeoutMs);
    return this;
  }

  disableOperatorChaining(): this {
    this.graph.chaining = false;
    return this;
  }

  /** Length of an epoch in milliseconds; results become visible when their epoch commits. */
  enableCheckpointing(intervalMs: number): this {
    this.checkpoints.setCheckpointInterval(intervalMs);
    return this;
  }
  getCheckpointConfig(): CheckpointConfig {
    return this.checkpoints;
  }

  /**
   * 'fused': every epoch on one thread. 'fanned-out': on as many workers as the parallelism says, with a shuffle between stages. 'auto'
   * (default): on as many as the backlog needs, up to the parallelism. Worker threads build the job from its module, so this is for jobs that
   * `millrace run` starts; `execute()` in a plain script runs fused.
   */
  setEpochMode(mode: EpochMode): this {
    this.epochMode = mode;
    return this;
  }

  setRestartStrategy(strategy: RestartStrategy): this {
    this.restart = strategy;
    return this;
  }

  /**
   * `new HashMapStateBackend()` or 'hashmap': all keyed state in memory. `new TableStateBackend()` or 'table': a record per key in a table, for
   * state far larger than memory. Default: what the place is for where the job runs: 'hashmap' embedded, 'table' on AWS.
   */
  setStateBackend(backend: StateBackend | StateBackendName): this {
    this.stateBackend = stateBackendOf(backend);
    return this;
  }

  /** Logical and physical graph as text. */
  getExecutionPlan(): string {
    return planText(this.toJobGraph());
  }

  /** Runs the job embedded in this process until its input ends. */
  async execute(jobName?: string): Promise<JobExecutionResult> {
    if (jobName !== undefined) this.jobName = jobName;
    this.checkNew();
    const run: Executor = currentExecutor();
    return await run(this.toJobGraph(), this.settings(), {});
  }

  /** Starts the job and returns at once with a handle to stop, cancel or await it. */
  executeAsync(jobName?: string): JobClient {
    if (jobName !== undefined) this.jobName = jobName;
    this.checkNew();
    const stop = new AbortController();
    const cancel = new AbortController();
    const run: Executor = currentExecutor();
    const result = run(this.toJobGraph(), this.settings(), { stop: stop.signal, cancel: cancel.signal });
    return new JobClient(this.jobName, result, stop, cancel);
  }

  private checkNew(): void {
    const { length } = this.graph.nodes;
    if (length > 0 && length === this.executed)
      throw new ConfigError(
        'nothing was added since this environment was executed. Executing it again would do everything twice: make a new environment for another run.',
      );
    this.executed = length;
  }

  /** @internal */
  toJobGraph(): JobGraph {
    return buildJobGraph(this.jobName, this.graph);
  }

  /** `defaultEpochMs`: the host's own, for a job that sets none. @internal */
  settings(defaultEpochMs: number = DEFAULT_EPOCH_MS): JobSettings {
    const { epochMs, timeoutMs, minPauseMs, retention, storage } = this.checkpoints;
    return {
      epochMs: epochMs ?? defaultEpochMs,
      timeoutMs,
      minPauseMs,
      retention,
      restart: this.restart,
      epochMode: this.epochMode,
      stateBackend: this.stateBackend,
      stateDir: storage,
    };
  }
}
