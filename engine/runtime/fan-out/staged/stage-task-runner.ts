/**
 * The subtask's side of a staged epoch: one invocation runs one subtask of one stage, from what the plan and the stage's input say, and
 * leaves an ack. Warm, it keeps the state of the subtasks that it ran last, one for each stage (seat.ts).
 *
 * Harmless whenever and however often it is invoked: an ack that is there is the answer; a plan that is gone says that the epoch is decided;
 * objects have the attempt's own name, and only those that the winning ack names exist for anyone (E2, E4).
 */
import { randomBytes } from 'node:crypto';
import type { Plan } from '../../../checkpoint/records.ts';
import type { Consumption } from '../../../model/consumption.ts';
import {
  CorruptionError,
  FencedError,
  invariant,
  messageOf,
  MillraceError,
  RetryableError,
  UnknownOutcomeError,
} from '../../../model/errors.ts';
import { attemptId, type AttemptId } from '../../../model/ids.ts';
import type { StateStore } from '../../../ports/state-store.ts';
import { crashPoint, InjectedCrash, type CrashPoint } from '../../crash-point.ts';
import { attemptFailure, RecordFailure } from '../../failures.ts';
import { FunctionLives } from '../../function-lives.ts';
import { readHead } from '../../job-records.ts';
import { ObjectIo } from '../../object-io.ts';
import type { RunnerOptions } from '../../runner-options.ts';
import { stageEpoch } from '../../stage-epoch.ts';
import type { Block, ReadReport } from '../subtask-peer.ts';
import { readBlocks, sendBlocks } from './block-objects.ts';
import { Seat } from './seat.ts';
import {
  SOURCES,
  StageRecords,
  type StageDone,
  type StageFailed,
  type StageInput,
  type StageTask,
} from './stage-records.ts';
import type { StageBudget } from './stage-budget.ts';
import { checkStageNames } from './staged-shape.ts';
import { TimeLimit } from './time-limit.ts';

export interface StageTaskOptions extends RunnerOptions {
  readonly store: StateStore;
  /** What this process has used since it was last asked, for the ack. */
  readonly consumed?: () => Consumption;
  /** Random words. Default: from crypto. */
  newAttempt?(): string;
}

/** `done` and `failed`: the subtask's ack is there and says so. `fenced`: the epoch is decided, and nobody waits for it. */
export type StageOutcome = 'done' | 'failed' | 'fenced';

interface Work {
  readonly task: StageTask;
  readonly plan: Plan;
  /** Null: of the sources. */
  readonly input: StageInput | null;
  readonly attempt: AttemptId;
  readonly limit: TimeLimit;
  readonly budget: StageBudget;
}

export class StageTaskRunner {
  private readonly options: StageTaskOptions;
  private readonly records: StageRecords;
  private readonly lives: FunctionLives;
  private readonly seats = new Map<string, Seat>();
  private isBusy = false;

  constructor(options: StageTaskOptions) {
    checkStageNames(options.graph);
    this.options = options;
    this.records = new StageRecords(options.store, options.job);
    this.lives = new FunctionLives(options.graph);
  }

  /**
   * One at a time. Throws RetryableError and UnknownOutcomeError: invoke the task again. Everything else that goes wrong is an ack, which fails
   * the epoch's attempt.
   */
  async run(task: StageTask, budget: StageBudget): Promise<StageOutcome> {
    invariant(!this.isBusy, 'a process runs one subtask of a stage at a time');
    this.isBusy = true;
    try {
      const limit = new TimeLimit(this.options.clock, budget.timeoutMs);
      const [plan, known, input] = await Promise.all([
        this.records.plan(task.plan),
        this.records.answer(task),
        task.stage === SOURCES ? null : this.records.input(task.plan, task.stage),
      ]);
      if (known !== null) return known.kind;
      // The coordinator writes them before it hands tasks out, and a sweep takes them once the epoch is decided.
      if (plan === null || (input === null && task.stage !== SOURCES)) return 'fenced';
      this.checkGraph(plan);
      const attempt = attemptId(this.options.newAttempt?.() ?? newAttempt());
      return await this.answer({ task, plan, input, attempt, limit, budget });
    } finally {
      this.isBusy = false;
    }
  }

  /** Before the process is frozen: nothing is under way any more, and the state stays in memory. */
  async quiesce(): Promise<void> {
    for (const { wired } of this.seats.values()) await wired.quiesce();
  }

  async close(): Promise<void> {
    for (const { wired } of this.seats.values()) await wired.close();
    this.seats.clear();
    await this.lives.close();
  }

  private async answer(work: Work): Promise<StageOutcome> {
    const { task, plan } = work;
    const seat = this.seatOf(task.stage);
    try {
      const done = this.metered(await this.work(work, seat));
      if (done.ack.segments.length > 0 || done.ack.staged.length > 0 || done.sent.length > 0)
        this.crash('segments-staged');
      const outcome = await this.records.writeAnswer(task, done);
      this.crash('ack-written');
      if (outcome === 'created') {
        seat.won(plan, task.plan, done.ack);
        return 'done';
      }
      seat.forget();
    } catch (thrown) {
      const ranges = thrown instanceof RecordFailure ? seat.rangesRead(plan) : null;
      seat.forget();
      const failed = await this.failure(work, thrown, ranges);
      if (failed === null) return 'fenced';
      if ((await this.records.writeAnswer(task, failed)) === 'created') return 'failed';
    }
    // E2: somebody else's ack was first.
    return (await this.records.answer(task))?.kind ?? 'fenced';
  }

  private metered(done: StageDone): StageDone {
    const { consumed } = this.options;
    return consumed === undefined ? done : { ...done, ack: { ...done.ack, consumed: consumed() } };
  }

  private async work(work: Work, seat: Seat): Promise<StageDone> {
    const { task, plan, input, attempt, limit, budget } = work;
    const { job, blobs, clock } = this.options;
    const { run, epoch, generation } = plan;
    await seat.bring(plan, task.subtask);
    const beganMs = clock.monotonicMs();
    let blocks: readonly Block[];
    let read: ReadReport | null = null;
    if (input === null) {
      read = await seat.read(plan, budget, limit);
      ({ blocks } = read);
    } else {
      const received = await readBlocks(input.objects, input.receivers[task.subtask]!, new ObjectIo(blobs, null));
      blocks = await seat.process(plan, input.watermark, received, limit);
    }
    const io = new ObjectIo(blobs, { job, run, epoch, generation, stage: task.stage, subtask: task.subtask, attempt });
    const sent = await sendBlocks(blocks, io);
    const ack = await stageEpoch(seat.wired, plan, attempt, io, false);
    const { channels = [], backlog = [], ended = true } = read ?? {};
    const tookMs = Math.round(clock.monotonicMs() - beganMs);
    return { format: 1, kind: 'done', ack, sent, tookMs, read: read === null ? null : { channels, backlog, ended } };
  }

  /** Null: the epoch is decided. Throws what another invocation may not meet. */
  private async failure(
    { plan, attempt, limit }: Work,
    thrown: unknown,
    ranges: StageFailed['ranges'],
  ): Promise<StageFailed | null> {
    if (thrown instanceof InjectedCrash) throw thrown;
    if (thrown instanceof FencedError) return null;
    const outOfTime = thrown instanceof RetryableError && limit.isOver;
    if (!outOfTime && (thrown instanceof RetryableError || thrown instanceof UnknownOutcomeError)) throw thrown;
    // E6: whoever misses an object asks the head.
    if (thrown instanceof CorruptionError && (await this.isDecided(plan))) return null;
    const { poison, retryable } = attemptFailure(thrown, ranges, this.options.graph.hasDeadLetters);
    const code = thrown instanceof MillraceError ? thrown.code : 'unexpected';
    return {
      format: 1,
      kind: 'failed',
      attempt,
      reason: messageOf(thrown),
      code,
      poison,
      retryable,
      outOfTime,
      ranges,
    };
  }

  private async isDecided({ epoch, generation }: Plan): Promise<boolean> {
    const found = await readHead(this.options.store, this.options.job);
    if (found === null) return true;
    const { head } = found;
    return head.phase.kind !== 'running' || head.generation !== generation || head.epoch + 1 !== epoch;
  }

  /** State is read, and rows are told apart, as the job's graph says: by the graph that the plan was made for, and no other. */
  private checkGraph({ graphHash }: Plan): void {
    const { job, graph } = this.options;
    if (graphHash === graph.hash) return;
    throw new RetryableError(
      `job "${job}": the epoch was planned by another version of the job than this process runs. A process of that version runs it, or it is planned again.`,
      { job },
    );
  }

  private seatOf(stage: string): Seat {
    let seat = this.seats.get(stage);
    if (seat === undefined) {
      const { options } = this;
      const known =
        stage === SOURCES ||
        options.graph.nodes.some(({ uid, operator }) => operator.kind === 'keyed' && uid === stage);
      invariant(known, `job "${options.job}" has a stage "${stage}"`);
      this.seats.set(stage, (seat = new Seat(options, stage === SOURCES ? null : stage, this.lives)));
    }
    return seat;
  }

  private crash(name: CrashPoint): void {
    (this.options.crashPoint ?? crashPoint)(name);
  }
}

function newAttempt(): string {
  return randomBytes(8).toString('hex');
}
