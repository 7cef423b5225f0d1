/**
 * A whole job, one epoch at a time: the coordinator and the operators of production over ports in memory, with time and input in the
 * test's hands. Epochs are cut where the test says, processing time is what the test sets, and processes die or stop when asked to.
 *
 *     const orders = new TestSource<Order>();
 *     const sums = new TestSink<Order>();
 *     const job = new MiniRuntime(({ env }) => {
 *       env.fromSource(orders, WatermarkStrategy.noWatermarks(), 'orders').keyBy('customer').sum('n').sinkTo(sums);
 *     });
 *     orders.push({ customer: 'ada', n: 1 });
 *     await job.runEpoch();
 *     sums.values // [{ customer: 'ada', n: 1 }]
 */
import type { JobModule } from '../api/define-job.ts';
import { RestartStrategies } from '../api/job-settings.ts';
import type { FoldLimits } from '../checkpoint/fold-policy.ts';
import type { Manifest } from '../checkpoint/records.ts';
import { ConfigError } from '../model/errors.ts';
import { InjectedCrash, type CrashPoint } from '../runtime/crash-point.ts';
import type { CommittedRow, CommittedRows } from './committed-rows.ts';
import { InMemoryJob, type BuildJob, type InMemoryJobOptions } from './in-memory-job.ts';
import { InMemorySavepoint } from './in-memory-savepoint.ts';
import { SteppedClock } from './stepped-clock.ts';

export interface MiniRuntimeOptions extends Pick<InMemoryJobOptions, 'config' | 'sources' | 'maxParallelism'> {
  /** Processing time to begin with; default 0, or the savepoint's. */
  readonly startMs?: number;
  /** Rows that an epoch reads at most. Default: all there are. */
  readonly rowsPerEpoch?: number;
  /** Subtasks of each keyed stage, in a fused epoch. */
  readonly subtasks?: number;
  /** Fanned-out epochs over so many workers in this thread, instead of fused ones. */
  readonly workers?: number;
  readonly fold?: FoldLimits;
  /** Begin a new run on it. */
  readonly from?: InMemorySavepoint;
}

/** What a process is started with: may change from one to the next. */
export type ProcessOptions = Pick<MiniRuntimeOptions, 'subtasks' | 'workers' | 'rowsPerEpoch'>;

/** What came of asking for an epoch. */
export interface EpochResult {
  /** Its number; null: there was nothing to do, or the process died before the commit. */
  readonly epoch: number | null;
  /** All input has ended, and the job has finished. */
  readonly finished: boolean;
  /** Where the process died, as asked for. */
  readonly crashed: CrashPoint | null;
  /** recordsIn, recordsOut, late … of this epoch. */
  readonly counts: Readonly<Record<string, number>>;
  /** What the epoch brought to a sink. */
  rows<T>(sink: CommittedRows<T>): readonly CommittedRow<T>[];
  rows(sink: string): readonly CommittedRow[];
  values<T>(sink: CommittedRows<T>): T[];
  values(sink: string): unknown[];
}

/** A process of the job, until it ends. */
interface Running {
  readonly stop: AbortController;
  /** Never rejects. */
  readonly ended: Promise<Ended>;
}
type Ended = { readonly kind: 'finished' | 'stopped' } | { readonly kind: 'threw'; readonly error: unknown };

/** More epochs in a row without an end are a job that makes its own work. */
const MAX_EPOCHS = 10_000;

export class MiniRuntime {
  readonly #job: InMemoryJob;
  readonly #clock: SteppedClock;
  readonly #fold: FoldLimits | undefined;
  #process: ProcessOptions;
  #from: InMemorySavepoint | null;
  #running: Running | null = null;
  #finished = false;
  #crashAt: CrashPoint | null = null;

  constructor(job: BuildJob | JobModule, options: MiniRuntimeOptions = {}) {
    this.#clock = new SteppedClock(options.startMs ?? options.from?.wallMs ?? 0);
    this.#process = options;
    this.#fold = options.fold;
    this.#from = options.from ?? null;
    this.#job = new InMemoryJob(job, this.#clock, {
      ...options,
      // An epoch is what is there; a failure is the test's to see; a pause after each is where the test comes in.
      settings: { epochMs: 1, minPauseMs: 1, restart: RestartStrategies.noRestart() },
    });
  }

  /** Epochs committed so far, with their positions, watermarks and counts. */
  get manifests(): readonly Manifest[] {
    return this.#job.manifests;
  }
  get sinks(): readonly string[] {
    return this.#job.sinks;
  }
  /** Everything a sink has got. A string: a sink of the job's scope, or a job module's by uid or name. */
  values<T>(sink: CommittedRows<T>): T[];
  values(sink: string): unknown[];
  values(sink: string | CommittedRows<unknown>): unknown[] {
    return this.#rowsOf(sink).map((row) => row.value);
  }
  /** Sums since the first epoch. */
  get counts(): Readonly<Record<string, number>> {
    return this.manifests.at(-1)?.totals ?? {};
  }

  get processingTime(): number {
    return this.#clock.wallMs;
  }
  /** The clock of the epochs to come, epoch milliseconds. Timers that are due fire in the next one. */
  setProcessingTime(ms: number): void {
    if (!(ms >= this.#clock.wallMs))
      throw new ConfigError(`processing time never runs backwards: it is ${this.#clock.wallMs}, not ${ms}.`);
    this.#clock.wallMs = ms;
  }
  advanceProcessingTime(byMs: number): void {
    this.setProcessingTime(this.#clock.wallMs + byMs);
  }

  /**
   * Runs one epoch over what the sources have now, and publishes it. Starts a process if none is running. What fails the epoch is
   * thrown; the next call tries the same epoch again. `crashAt`: the process dies at this step of the protocol.
   */
  async runEpoch(options: { readonly crashAt?: CrashPoint } = {}): Promise<EpochResult> {
    const before = this.manifests.length;
    if (this.#finished) return this.#result(before, null);
    this.#crashAt = options.crashAt ?? null;
    const paused = this.#clock.step();
    this.#running ??= await this.#start();
    const ended = await Promise.race([paused, this.#running.ended]);
    if (ended === undefined) return this.#result(before, null);
    this.#running = null;
    if (ended.kind === 'finished') this.#finished = true;
    if (ended.kind !== 'threw') return this.#result(before, null);
    if (ended.error instanceof InjectedCrash) return this.#result(before, this.#crashAt);
    throw ended.error;
  }

  /** Runs epochs until there is nothing to do. */
  async runUntilIdle(): Promise<readonly EpochResult[]> {
    const results: EpochResult[] = [];
    while (results.length < MAX_EPOCHS) {
      const result = await this.runEpoch();
      if (result.epoch !== null) results.push(result);
      if (result.epoch === null || result.finished) return results;
    }
    throw new ConfigError(`after ${MAX_EPOCHS} epochs there was still something to do; use runEpoch().`);
  }

  /** The process dies between two epochs. The next epoch is another's, with other options if given. */
  crash(options: ProcessOptions = this.#process): void {
    this.#clock.abandon();
    this.#running = null;
    this.#process = options;
  }

  /** Stops cleanly: functions are closed. The next epoch is run by a new process, with other options if given. */
  async stop(options: ProcessOptions = this.#process): Promise<void> {
    const running = this.#running;
    this.#running = null;
    this.#process = options;
    if (running === null) return;
    running.stop.abort();
    const ended = await running.ended;
    if (ended.kind === 'threw') throw ended.error;
  }

  /** A copy of all that is stored, to begin other jobs from. */
  async savepoint(): Promise<InMemorySavepoint> {
    return await InMemorySavepoint.take(this.#job.name, this.#job.ports, this.#clock.wallMs);
  }

  /** @internal */
  get job(): InMemoryJob {
    return this.#job;
  }

  async #start(): Promise<Running> {
    const from = this.#from;
    this.#from = null;
    if (from !== null) await from.copyTo(this.#job.ports);
    const { subtasks, workers, rowsPerEpoch } = this.#process;
    const stop = new AbortController();
    const running = this.#job.execute({
      stop: stop.signal,
      restore: from !== null,
      subtasks: subtasks ?? 1,
      ...(workers === undefined ? {} : { fanOut: { mode: 'fanned-out', workers, module: 'in-process' } }),
      ...(rowsPerEpoch === undefined ? {} : { maxRows: rowsPerEpoch }),
      ...(this.#fold === undefined ? {} : { fold: this.#fold }),
      crashPoint: (name) => {
        if (name === this.#crashAt) throw new InjectedCrash(name);
      },
    });
    const ended = running.then(
      ({ outcome }): Ended => ({ kind: outcome.kind === 'stopped' ? 'stopped' : 'finished' }),
      (error: unknown): Ended => ({ kind: 'threw', error }),
    );
    return { stop, ended };
  }

  #result(before: number, crashed: CrashPoint | null): EpochResult {
    const manifest = this.manifests[before];
    const of = (sink: string | CommittedRows<unknown>): readonly CommittedRow[] =>
      manifest === undefined ? [] : this.#rowsOf(sink).filter((row) => row.epoch === manifest.epoch);
    return {
      epoch: manifest?.epoch ?? null,
      finished: this.#finished,
      crashed,
      counts: manifest?.counts ?? {},
      rows: <T>(sink: string | CommittedRows<T>) => of(sink) as readonly CommittedRow<T>[],
      values: <T>(sink: string | CommittedRows<T>) => of(sink).map((row) => row.value as T),
    };
  }

  #rowsOf(sink: string | CommittedRows<unknown>): readonly CommittedRow[] {
    return typeof sink === 'string' ? this.#job.rows(sink) : sink.rows;
  }
}
