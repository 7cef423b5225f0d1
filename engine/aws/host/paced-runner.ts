/**
 * A runner within the time of one invocation: the runner of the host, and around it
 *
 * 1. reading ends early enough that the epoch is committed and published in time; what that takes is learnt from the slowest one so far;
 * 2. an attempt that does not end in time fails while there is time to say so, and its ranges with it (E1);
 * 3. what is away when the time is over is not waited for here, but by the state machine, between two invocations;
 * 4. a job that had nothing to read for a while ends its invocation; a paced one ends it as soon as an epoch has left nothing;
 * 5. between two epochs, whoever gives commands is asked.
 */
import type { BaseRef, Manifest, Plan, SegmentRef } from '../../checkpoint/records.ts';
import { RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import type { AttemptId } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KnownSplits } from '../../ports/source.ts';
import { isPlannedAhead } from '../../checkpoint/build-plan.ts';
import type { SourceBacklog } from '../../runtime/backlog.ts';
import { AttemptFailure, type EpochBudget, type EpochRunner, type SplitOffer } from '../../runtime/epoch-runner.ts';
import type { InvocationEnd } from './invocation-end.ts';

/** The host's runner: tells what an epoch left. */
export interface BackloggedRunner extends EpochRunner {
  backlog(): readonly SourceBacklog[];
}

export interface InvocationPace {
  /** Reads what there is and waits for nothing. */
  readonly untilDry: boolean;
  /** Left at least when an epoch stops reading. */
  readonly marginMs: number;
  /** Waits so long for input before it ends the invocation. */
  readonly lingerMs: number;
}

export interface FusedEpochRun {
  readonly rows: number;
  readonly tookMs: number;
  readonly idle: boolean;
  /** It was told how far to read: there may be more. */
  readonly isAhead: boolean;
  readonly backlog: readonly SourceBacklog[];
  /** By the wall clock. */
  readonly beganAtMs: number;
  /** First timer in processing time that it left; null: none. */
  readonly nextTimerMs: number | null;
}

export interface PacedRunnerOptions {
  readonly clock: Clock;
  readonly end: InvocationEnd;
  readonly pace: InvocationPace;
  /** Until the invocation is to end. */
  leftMs(): number;
  /** Until it is ended, whatever it does. */
  leftAtMostMs(): number;
  /** Asked before every plan: may end the invocation. */
  betweenEpochs(): Promise<void>;
  /** Of the next plan. `splits`: that are known. */
  subtasks(splits: number): Readonly<Record<string, number>>;
  /** A fused epoch has been run. */
  ran(epoch: FusedEpochRun): void;
}

/** The slowest epoch so far, and half as much again. */
const SLOWER = 1.5;
/** What an attempt that failed by time leaves for its report and the lease's release. */
const LAST_WORDS_MS = 1_000;

export class PacedRunner implements EpochRunner {
  readonly graphHash: string;
  readonly #inner: BackloggedRunner;
  readonly #options: PacedRunnerOptions;
  /** At most half of the invocation's time is margin: something always runs. */
  readonly #mostMarginMs: number;
  #takeBack: () => void = () => undefined;
  /** From the end of reading to the next plan. */
  #slowestEndMs = 0;
  #epoch: { readonly beganMs: number; readonly intervalMs: number } | null = null;
  #splits = 0;
  #idleSinceMs: number | null = null;
  #outOfTime = false;

  constructor(inner: BackloggedRunner, options: PacedRunnerOptions) {
    this.graphHash = inner.graphHash;
    this.#inner = inner;
    this.#options = options;
    this.#mostMarginMs = options.leftMs() / 2;
    this.#arm();
  }

  async discover(known: KnownSplits): Promise<readonly SplitOffer[]> {
    this.#learn();
    await this.#options.betweenEpochs();
    this.#arm();
    const offers = await this.#inTime(() => this.#inner.discover(known));
    this.#splits = offers.length;
    return offers;
  }

  async run(plan: Plan, attempt: AttemptId, budget: EpochBudget): ReturnType<EpochRunner['run']> {
    const { clock } = this.#options;
    const beganMs = clock.monotonicMs();
    this.#epoch = { beganMs, intervalMs: budget.intervalMs };
    const beganAtMs = clock.nowMs();
    const { untilDry } = this.#options.pace;
    const timeoutMs = Math.max(1, Math.min(budget.timeoutMs, this.#options.leftAtMostMs() - LAST_WORDS_MS));
    try {
      const answer = await this.#inTime(() => this.#inner.run(plan, attempt, { ...budget, timeoutMs, untilDry }));
      if (!answer.idle) this.#idleSinceMs = null;
      const rows = answer.ack.counts['recordsIn'] ?? 0;
      const tookMs = clock.monotonicMs() - beganMs;
      const isAhead = isPlannedAhead(plan) && plan.splits.length > 0;
      const { idle, ack } = answer;
      const nextTimerMs = ack.nextTimers.processingTime;
      this.#options.ran({ rows, tookMs, idle, isAhead, backlog: this.#inner.backlog(), beganAtMs, nextTimerMs });
      return answer;
    } catch (error) {
      if (timeoutMs < budget.timeoutMs && clock.monotonicMs() - beganMs >= timeoutMs) this.#outOfTime = true;
      throw error;
    }
  }

  /** An attempt has failed because the function's time was over. */
  get outOfTime(): boolean {
    return this.#outOfTime;
  }

  async waitForInput(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock, end, pace } = this.#options;
    // Only after an epoch that was planned ahead: what comes next is not known, and looked for at once.
    if (pace.untilDry) return;
    // Waiting is no part of an epoch's end.
    this.#epoch = null;
    this.#idleSinceMs ??= clock.monotonicMs();
    const leftMs = this.#idleSinceMs + pace.lingerMs - clock.monotonicMs();
    if (leftMs <= 0) return end.stop('idle');
    await this.#inner.waitForInput(Math.max(1, Math.min(timeoutMs, leftMs)), signal);
  }

  subtasks(): Readonly<Record<string, number>> {
    return this.#options.subtasks(this.#splits);
  }

  committed(manifest: Manifest): void {
    this.#inner.committed(manifest);
  }

  async publish(manifest: Manifest): Promise<void> {
    await this.#inTime(() => this.#inner.publish(manifest));
  }

  async stamp(run: string, epoch: number): Promise<void> {
    await this.#inTime(() => this.#inner.stamp(run, epoch));
  }

  async resume(run: string, epoch: number): Promise<void> {
    await this.#inTime(async () => await this.#inner.resume?.(run, epoch));
  }

  async fold(base: BaseRef | null, log: readonly SegmentRef[], run: string, tag: string): Promise<BaseRef> {
    return await this.#inTime(() => this.#inner.fold(base, log, run, tag));
  }

  /** Takes back what would run after the invocation. The runner itself belongs to the host. */
  async close(): Promise<void> {
    this.#takeBack();
  }

  /** A restart's delay would outlast the function: once its time is over, a failure is the invocation's last. */
  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const attempt = error instanceof AttemptFailure ? error : null;
      const cause: unknown = attempt?.cause ?? error;
      const isAway = cause instanceof RetryableError || cause instanceof UnknownOutcomeError;
      if (this.#options.end.reason !== 'time' || !isAway) throw error;
      throw new AttemptFailure(cause, { ranges: attempt?.ranges ?? null, poison: null, retryable: false });
    }
  }

  #learn(): void {
    if (this.#epoch === null) return;
    const { beganMs, intervalMs } = this.#epoch;
    this.#epoch = null;
    this.#slowestEndMs = Math.max(this.#slowestEndMs, this.#options.clock.monotonicMs() - beganMs - intervalMs);
  }

  #arm(): void {
    const { clock, end, pace } = this.#options;
    const marginMs = Math.min(this.#mostMarginMs, pace.marginMs + SLOWER * this.#slowestEndMs);
    const readMs = this.#options.leftMs() - marginMs;
    this.#takeBack();
    if (readMs <= 0) end.stop('time');
    else this.#takeBack = clock.after(readMs, () => end.stop('time'));
  }
}
