/**
 * A job whose epochs are fanned out, with all of its functions in this process: each in several processes that take turns, over ports in memory.
 * `walk` does what the state machine does with the answers, on a clock on which tasks of one stage take their time together.
 */
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { defineJob, Duration, RestartStrategies, TumblingEventTimeWindows, type EpochMode } from '../../index.ts';
import { TestSink, TestSource } from '../../testing/index.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import type { AnswerStatus, CoordinatorAnswer } from './coordinator-answer.ts';
import { coordinatorOf } from './coordinator-host.ts';
import { SILENT, WorkClock } from './coordinator-world-fixture.ts';
import { publisherOf } from './publisher-host.ts';
import { subtaskOf } from './subtask-host.ts';
import type { JobHost } from './warm-job.ts';

export interface Row {
  readonly key: number;
  readonly n: number;
  readonly ts: number;
}

export interface WalkOptions {
  /** Of a coordinator's and of another function's invocation. */
  readonly coordinatorSeconds?: number;
  readonly taskSeconds?: number;
  /** Before each invocation, and what becomes of it: nothing said, it is done once and answers. */
  readonly fate?: (invoked: Invoked) => Fate | void;
  /** Answers until the walk is over; more than that is a walk without an end. */
  readonly mostRounds?: number;
  /** Of the execution that begins. */
  readonly execution?: string;
  readonly carry?: unknown;
  /** Ends after the first answer of this status, before its tasks. */
  readonly mostStatus?: AnswerStatus;
  /** Of an express execution. */
  readonly express?: { readonly secondsLeft: number };
}

export interface WorldOptions {
  readonly parallelism?: number;
  readonly epochMs?: number;
  /** Before each of three restarts. */
  readonly restartMs?: number;
}

export interface Invoked {
  readonly function: 'coordinator' | 'subtask' | 'publisher';
  readonly event: unknown;
  /** From 1. */
  readonly number: number;
}

/**
 * `twice`: doubled. `never`: the invocation fails before it does anything. `answer lost`: it has done its work, and fails. `the end`: the execution ends
 * here.
 */
export type Fate = 'twice' | 'never' | 'answer lost' | 'the end';

class TheEnd extends Error {}
class Failed extends Error {}

const PROCESSES = 2;
const TICK = { settings: {} };

export class FannedOutWorld {
  readonly clock = new WorkClock();
  readonly store = new MemoryStateStore();
  readonly blobs = new MemoryBlobStore();
  readonly source = new TestSource<Row>({ splits: 4 });
  readonly sink = new TestSink<{ key: number; sum: number }>();
  readonly answers: CoordinatorAnswer[] = [];
  readonly invoked: Invoked[] = [];
  rowMs = 1;
  onRow: (row: Row) => void = () => undefined;
  readonly #settings: Readonly<Record<string, string>>;
  #requests = 0;

  constructor(mode: EpochMode, { parallelism = 3, epochMs = 10_000, restartMs = 200 }: WorldOptions = {}) {
    this.#settings = { mode, parallelism: String(parallelism), epochMs: String(epochMs), restartMs: String(restartMs) };
  }

  readonly job = defineJob({
    name: 'sums',
    config: { mode: 'auto', parallelism: 1, epochMs: 10_000, restartMs: 200 },
    build: (env, { mode, parallelism, epochMs, restartMs }) => {
      env
        .setParallelism(parallelism)
        .setEpochMode(mode as EpochMode)
        .enableCheckpointing(epochMs);
      env.setRestartStrategy(RestartStrategies.fixedDelayRestart(3, restartMs));
      env
        .fromSource(
          this.source,
          WatermarkStrategy.forBoundedOutOfOrderness<Row>(Duration.ofMillis(5)).withTimestampAssigner(({ ts }) => ts),
          'rows',
        )
        .uid('rows')
        .map((row) => {
          this.clock.advance(this.rowMs);
          this.onRow(row);
          return row;
        })
        .uid('work')
        .keyBy(({ key }) => key)
        .window(TumblingEventTimeWindows.of(Duration.ofMillis(20)))
        .reduce((a, b) => ({ ...a, n: a.n + b.n }))
        .uid('sums')
        .map(({ key, n }) => ({ key, sum: n }))
        .sinkTo(this.sink)
        .uid('sink');
    },
  });

  readonly host: JobHost = {
    clock: this.clock,
    env: { MILLRACE_TABLE: 'table', MILLRACE_BUCKET: 'bucket' },
    log: SILENT,
    openPorts: () => ({ store: this.store, blobs: this.blobs, quiesce: () => undefined }),
  };
  readonly #functions = {
    coordinator: Array.from({ length: PROCESSES }, () => coordinatorOf(this.job, this.host)),
    subtask: Array.from({ length: PROCESSES }, () => subtaskOf(this.job, this.host)),
    publisher: Array.from({ length: PROCESSES }, () => publisherOf(this.job, this.host)),
  };

  filled(rows: number, from = 0): this {
    for (let n = from; n < from + rows; n++) this.source.pushTo(n % 4, { key: n % 17, n, ts: n });
    return this;
  }

  get results(): string[] {
    return this.sink.values.map(({ key, sum }) => `${key} ${sum}`).toSorted();
  }

  /** Statuses of all answers, each with its number of tasks. */
  get path(): string[] {
    return this.answers.map(({ status, tasks }) => (tasks.length === 0 ? status : `${status} ${tasks.length}`));
  }

  /** One execution: until its job sleeps, is busy elsewhere, or has ended. Null: the execution ended in the middle. */
  async walk(options: WalkOptions = {}): Promise<CoordinatorAnswer | null> {
    const { execution = 'mine', mostRounds = 200 } = options;
    let carry = options.carry ?? null;
    let done: unknown = { kind: null, error: null };
    const startedAt = new Date(this.clock.nowMs()).toISOString();
    try {
      for (let round = 0; round < mostRounds; round++) {
        const event = { execution, input: this.#input, carry, done, startedAt, ...options.express };
        const answer = await this.#retried('coordinator', event, options);
        this.answers.push(answer);
        ({ carry } = answer);
        if (answer.status === options.mostStatus) return answer;
        done = { kind: null, error: null };
        if (answer.status === 'stage') done = await this.#map('subtask', answer, execution, options);
        else if (answer.status === 'publish') done = await this.#map('publisher', answer, execution, options);
        else if (answer.status === 'continue') this.clock.advance(answer.waitSeconds * 1000);
        else return answer;
      }
    } catch (error) {
      if (error instanceof TheEnd) return null;
      throw error;
    }
    throw new Error(`no end after ${mostRounds} rounds: ${this.path.slice(-10).join(', ')}`);
  }

  /** An invocation that nobody waits for. */
  async again(name: Invoked['function'], event: unknown): Promise<unknown> {
    return await this.#run(name, event, {});
  }

  get #input(): unknown {
    return { ...TICK, settings: this.#settings };
  }

  async #map(
    name: 'subtask' | 'publisher',
    { status, tasks, tree }: CoordinatorAnswer,
    execution: string,
    options: WalkOptions,
  ): Promise<unknown> {
    const all = tree ? tasks.flatMap((group) => (group as { readonly tasks: readonly unknown[] }).tasks) : tasks;
    const beganMs = this.clock.monotonicMs();
    let longestMs = 0;
    let error: unknown = null;
    for (const task of all) {
      try {
        await this.#invoke(
          name,
          { execution, input: this.#input, task: JSON.parse(JSON.stringify(task)) as unknown },
          options,
        );
      } catch (thrown) {
        if (thrown instanceof TheEnd) throw thrown;
        error = { Error: (thrown as Error).name, Cause: (thrown as Error).message };
      }
      longestMs = Math.max(longestMs, this.clock.monotonicMs() - beganMs);
      this.clock.advance(beganMs - this.clock.monotonicMs());
    }
    this.clock.advance(longestMs);
    return { kind: status, error };
  }

  /** As the machine retries what failed. */
  async #retried(name: 'coordinator', event: unknown, options: WalkOptions): Promise<CoordinatorAnswer> {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        return (await this.#invoke(name, event, options)) as CoordinatorAnswer;
      } catch (thrown) {
        if (!(thrown instanceof Failed)) throw thrown;
      }
    }
    throw new Error('the coordinator failed five times in a row');
  }

  async #invoke(name: Invoked['function'], event: unknown, options: WalkOptions): Promise<unknown> {
    const invoked: Invoked = { function: name, event, number: this.invoked.length + 1 };
    this.invoked.push(invoked);
    const fate = options.fate?.(invoked) ?? null;
    if (fate === 'the end') throw new TheEnd();
    if (fate === 'never') throw new Failed('never ran');
    const answer = await this.#run(name, event, options);
    if (fate === 'twice') await this.#run(name, event, options).catch(() => null);
    if (fate === 'answer lost') throw new Failed('the answer was lost');
    return answer;
  }

  async #run(name: Invoked['function'], event: unknown, options: WalkOptions): Promise<unknown> {
    const { coordinatorSeconds = 60, taskSeconds = 60 } = options;
    const number = ++this.#requests;
    const deadlineMs = this.clock.monotonicMs() + 1000 * (name === 'coordinator' ? coordinatorSeconds : taskSeconds);
    const process = this.#functions[name][number % PROCESSES]!;
    const answer = await process(JSON.parse(JSON.stringify(event)), {
      awsRequestId: `request-${number}`,
      getRemainingTimeInMillis: () => Math.max(0, deadlineMs - this.clock.monotonicMs()),
    });
    if (this.clock.pending > 0)
      throw new Error(`${name}: ${this.clock.pending} timers are left to fire after the answer`);
    return JSON.parse(JSON.stringify(answer)) as unknown;
  }
}
