/**
 * One invocation of the coordinator: the embedded loop over AWS's ports, until the function's time is nearly over, there is nothing to do here,
 * the job is idle, or it has ended. What ends it lets the epoch in work be published and releases the lease, so that the next invocation need not
 * wait; between two paced epochs (kept-lease.ts), and while other functions work on a fanned-out epoch (hand-out.ts), the lease stays, and the
 * next invocation goes on with the same session.
 */
import { randomBytes } from 'node:crypto';
import { foldWanted, type FoldLimits } from '../../checkpoint/fold-policy.ts';
import type { Lease, Manifest } from '../../checkpoint/records.ts';
import { longestDelayMs } from '../../checkpoint/restart-strategy.ts';
import { messageOf } from '../../model/errors.ts';
import {
  driveJob,
  SWEEP_EVERY_EPOCHS,
  type Carry as Drive,
  type DriveOptions,
  type Suspended,
} from '../../runtime/drive-job.ts';
import { lastCommand, type JobCommand } from '../../runtime/job-commands.ts';
import { readHead } from '../../runtime/job-records.ts';
import type { JobOutcome } from '../../runtime/job-options.ts';
import { answerTo, isTooLong, notDue, paceOf, type Invoked } from './answer-to.ts';
import { sessionAlone } from './carried-drive.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { PACED_FROM_MS, pacedWait } from './epoch-pace.ts';
import { FOLD_LIMITS_IN_TABLE } from './fixed-use.ts';
import { HandOut, type FannedOutEpoch } from './hand-out.ts';
import { OF_THE_REST } from './coordinator-event.ts';
import type { Invocation } from './invocation.ts';
import { InvocationEnd } from './invocation-end.ts';
import { invocationLease, parseOwner } from './invocation-lease.ts';
import { isCovered, keptMs, releases } from './kept-lease.ts';
import { PacedRunner, type FusedEpochRun } from './paced-runner.ts';
import { subtasksOf } from './planned-width.ts';
import { fewerRows, moreRows, TOO_SLOW } from './row-limit.ts';
import { FUSED, noted, type Speeds } from './speeds.ts';
import { rowsInTime, widthOf } from './width-choice.ts';

/** Parallelism is an upper bound: this is how many invocations an account has at a time, and what an answer has room for. */
const MOST_SUBTASKS = 1_000;
const FOLD_OUTSIDE: FoldLimits = { ...FOLD_LIMITS_IN_TABLE, where: 'outside' };
const FOLD_PATIENCE_MS = 60_000;
/** Beyond the epoch's interval: how long an owner that nothing is known of keeps the job. */
const LEASE_SLACK_MS = 20_000;
/** Another driver of the same session may have gone on meanwhile, as often as its invocation was doubled. */
const MOST_DRIVES = 5;
/** Commands that were read so recently are not read again. */
const COMMAND_FRESH_MS = 1_000;

export async function runInvocation(invocation: Invocation): Promise<CoordinatorAnswer> {
  const running = new RunningInvocation(invocation);
  const command = await running.obey(invocation.event.carry.handedOut !== null);
  const wait = await notDue(invocation, command);
  if (wait !== null) return wait;
  return await answerTo(invocation, await running.run());
}

/** Every so many epochs, wherever one invocation ends and another begins. */
const isSweepDue = (from: number, to: number): boolean =>
  Math.floor(from / SWEEP_EVERY_EPOCHS) !== Math.floor(to / SWEEP_EVERY_EPOCHS);

class RunningInvocation {
  readonly #invocation: Invocation;
  readonly #end = new InvocationEnd();
  readonly #paced: boolean;
  #speeds: Speeds;
  #rowLimit: number | null;
  #isTooSlow = false;
  #beganAtMs: number | null = null;
  /** Of the last epoch that was run here, idle or not; undefined: none was. */
  #nextTimerMs: number | null | undefined;
  #epochs = 0;
  /** Of the last epoch that was run; none: it was fused. */
  #subtasks: Readonly<Record<string, number>> = {};
  /** Published in this invocation. */
  #last: Manifest | null = null;
  #command: { readonly command: JobCommand | null; readonly readMs: number } | null = null;
  #isKept = false;
  #foldAskedMs: number | null;
  #foldWanted = false;

  constructor(invocation: Invocation) {
    const { settings, event } = invocation;
    this.#invocation = invocation;
    this.#paced = settings.epochMs >= PACED_FROM_MS;
    this.#speeds = event.carry.speeds;
    this.#rowLimit = event.carry.rowLimit;
    this.#foldAskedMs = event.carry.foldAskedMs;
    if (event.carry.drive === null || event.carry.pacedSinceMs === null) return;
    this.#beganAtMs = event.carry.pacedSinceMs;
    this.#end.stop('paced');
  }

  /** `goesOn`: the session of an epoch that others work on is resumed. */
  async obey(goesOn = false): Promise<JobCommand | null> {
    const command = await this.#lastCommand();
    // It is finished first: the next plan is not made.
    if (command?.kind === 'stop' && !goesOn) this.#end.stop('command');
    if (command?.kind === 'cancel') this.#end.cancel();
    return command;
  }

  async #lastCommand(): Promise<JobCommand | null> {
    const { store, graph, clock } = this.#invocation;
    const nowMs = clock.monotonicMs();
    if (this.#command === null || nowMs - this.#command.readMs >= COMMAND_FRESH_MS)
      this.#command = { command: await lastCommand(store, graph.job), readMs: nowMs };
    return this.#command.command;
  }

  async run(): Promise<Invoked> {
    const { event } = this.#invocation;
    const runner = this.#pacedRunner();
    const handOut = this.#handOut();
    let outcome: JobOutcome | Suspended;
    try {
      outcome = await this.#drive(this.#driveOptions(runner, handOut));
    } finally {
      await runner.close();
    }
    if (this.#epochs > 0) this.#rowLimit = moreRows(this.#rowLimit);
    else if (runner.outOfTime) this.#outOfTime(null);
    if (this.#foldWanted) await this.#askForFold();
    const isSuspended = outcome.kind === 'suspended';
    return {
      outcome,
      epochs: this.#epochs,
      reason: this.#end.reason,
      order: handOut.order,
      tooSlow: this.#isTooSlow ? TOO_SLOW : null,
      beganAtMs: this.#beganAtMs,
      nextTimerMs: this.#nextTimerMs,
      kept: this.#isKept && isSuspended ? this.#last : null,
      carry: {
        format: 1,
        drive: outcome.kind === 'suspended' ? outcome.carry : null,
        handedOut: isSuspended ? handOut.handedOut : null,
        rowLimit: this.#rowLimit,
        dueMs: event.carry.dueMs,
        pacedSinceMs: isSuspended && !this.#isKept && this.#end.reason === 'paced' ? this.#beganAtMs : null,
        foldAskedMs: this.#foldAskedMs,
        speeds: this.#speeds,
      },
    };
  }

  async #drive(options: DriveOptions): Promise<JobOutcome | Suspended> {
    const { carry, execution } = this.#invocation.event;
    const session = randomBytes(6).toString('hex');
    // Of an earlier invocation of this execution, which was killed or whose answer was lost: it is gone on with, at once.
    const isMine = ({ owner }: Lease): boolean => execution !== null && parseOwner(owner)?.execution === execution;
    let resume = carry.drive ?? (await this.#heldSession(isMine));
    for (let drives = 1; ; drives++) {
      const outcome = await driveJob({ ...options, resume, session });
      this.#epochs += outcome.epochs;
      if (outcome.kind !== 'fenced' || drives >= MOST_DRIVES) return outcome;
      const own = resume?.session ?? session;
      // None: the session has ended. Its own: another driver of it goes on, and so does this one.
      if (outcome.session === null && resume !== null) resume = null;
      else if (outcome.session === own) resume ??= await this.#heldSession((lease) => lease.session === own);
      else return outcome;
    }
  }

  /** A session of which nothing is known but what the head says. */
  async #heldSession(isMine: (lease: Lease) => boolean): Promise<Drive | null> {
    const { store, graph } = this.#invocation;
    const found = await readHead(store, graph.job);
    const lease = found?.head.lease ?? null;
    return lease === null || !isMine(lease) ? null : sessionAlone(lease.session, found!.head.epoch);
  }

  #pacedRunner(): PacedRunner {
    const { runner, clock, marginMs, event } = this.#invocation;
    return new PacedRunner(runner, {
      clock,
      end: this.#end,
      pace: { marginMs, lingerMs: event.lingerMs, untilDry: this.#paced },
      leftMs: () => this.#invocation.leftMs(),
      leftAtMostMs: () => this.#invocation.leftAtMostMs(),
      betweenEpochs: async () => void (await this.obey()),
      subtasks: (splits) => this.#planned(splits),
      ran: (epoch) => this.#ranFused(epoch),
    });
  }

  #handOut(): HandOut {
    const { graph, store, clock, event, runner } = this.#invocation;
    const leftAtFirstMs = this.#invocation.leftMs();
    return new HandOut({
      graph,
      store,
      clock,
      handedOut: event.carry.handedOut,
      done: event.done,
      rowLimit: (subtasks) => this.#fannedOutRows(subtasks),
      isTooShort: () => this.#isTooShort(leftAtFirstMs),
      isCancelled: () => this.#end.cancelSignal.aborted,
      publish: (manifest) => runner.publish(manifest),
      ran: (epoch) => this.#ranFannedOut(epoch),
      stageMs: () => this.#stageMs(),
      outOfTime: (rows) => (this.#outOfTime(rows) ? null : TOO_SLOW),
    });
  }

  /** For a restart's delay and another attempt; not where the execution itself has no time for the delay. */
  #isTooShort(leftAtFirstMs: number): boolean {
    const { settings, event } = this.#invocation;
    const delayMs = longestDelayMs(settings.restart);
    const leftMs = this.#invocation.leftMs();
    return !isTooLong(delayMs / 1000, event) && (leftMs < leftAtFirstMs / 2 || leftMs < 2 * delayMs);
  }

  /** Of a paced epoch that was published just now, before a short wait. */
  #keepsTheLease(): boolean {
    const { settings, event, clock } = this.#invocation;
    if (this.#end.reason !== 'paced' || this.#last === null || this.#beganAtMs === null) return false;
    const { waitSeconds } = pacedWait(paceOf(settings), this.#beganAtMs, event.carry.dueMs, clock.nowMs());
    return isCovered(waitSeconds, settings) && !isTooLong(waitSeconds, event);
  }

  #driveOptions(runner: PacedRunner, handOut: HandOut): DriveOptions {
    const { graph, settings, store, blobs, table, clock, event, consumed } = this.#invocation;
    return {
      job: graph.job,
      store,
      blobs,
      ...(table === undefined ? {} : { table }),
      clock,
      runner,
      outside: {
        perform: async (effect, machine) => {
          this.#isKept = releases(effect, machine) && this.#keepsTheLease();
          return this.#isKept ? 'suspend' : await handOut.perform(effect, machine);
        },
      },
      resume: event.carry.drive,
      lease: invocationLease(this.#identity(), () => clock.nowMs()),
      settings: {
        intervalMs: settings.epochMs,
        minPauseMs: settings.minPauseMs,
        timeoutMs: settings.timeoutMs,
        restartStrategy: settings.restart,
        onCancel: settings.retention === 'DELETE_ON_CANCELLATION' ? 'delete' : 'retain',
        maxRows: this.#rowLimit ?? Number.MAX_SAFE_INTEGER,
        restore: false,
        hasDeadLetters: graph.hasDeadLetters,
        leaseTtlMs: event.leaseTtlMs ?? settings.epochMs + settings.minPauseMs + LEASE_SLACK_MS,
        fold: this.#invocation.startFold === undefined ? FOLD_LIMITS_IN_TABLE : FOLD_OUTSIDE,
        sweepsOnStop: ({ from, to }) => this.#end.reason === 'command' || isSweepDue(from, to),
      },
      stop: this.#end.stopSignal,
      cancel: this.#end.cancelSignal,
      ...(consumed === undefined ? {} : { consumed: () => consumed() }),
      onEpoch: (manifest) => this.#published(manifest),
      onNotice: (text, data) => this.#invocation.onNotice?.(text, data),
    };
  }

  /** Beyond its deadline the lease's owner is dead: the function's own, or, where others work for it meanwhile, the execution's. */
  #identity(): { readonly execution: string; readonly request: string; readonly deadlineMs: number } {
    const { event, request, clock, settings, graph } = this.#invocation;
    const functionMs = clock.nowMs() + Math.max(0, this.#invocation.leftAtMostMs());
    const isAlone =
      event.carry.handedOut === null &&
      (settings.epochMode === 'fused' || (settings.epochMode === 'auto' && graph.parallelism === 1));
    const deadlineMs = isAlone
      ? functionMs + keptMs(settings)
      : (event.executionEndsMs ?? Math.max(functionMs + keptMs(settings), clock.nowMs() + settings.timeoutMs));
    return { execution: event.execution ?? request, request, deadlineMs: Math.round(deadlineMs) };
  }

  #planned(splits: number): Readonly<Record<string, number>> {
    const { graph, runner, settings } = this.#invocation;
    const width = this.#width();
    if (width === 1 && settings.epochMode !== 'fanned-out') return runner.subtasks();
    const withInput = settings.epochMode === 'fanned-out' ? 0 : (this.#speeds.splits ?? 0);
    return subtasksOf(graph, width, withInput > 0 ? Math.min(splits, withInput) : splits);
  }

  #width(): number {
    const { graph, settings } = this.#invocation;
    const { epochMode, epochMs } = settings;
    const most = Math.min(graph.parallelism, MOST_SUBTASKS);
    if (epochMode === 'fanned-out') return most;
    return epochMode === 'fused' ? 1 : widthOf(this.#speeds, { intervalMs: epochMs, most });
  }

  #fannedOutRows(subtasks: Readonly<Record<string, number>>): number | null {
    const inTime = rowsInTime(this.#speeds, widest(subtasks), this.#invocation.settings.epochMs);
    const limits = [this.#rowLimit, inTime].filter((rows) => rows !== null);
    return limits.length === 0 ? null : Math.min(...limits);
  }

  /** A stage that its execution does not outlive would be planned again by the next one, as large as before, for ever. */
  #stageMs(): number | null {
    const { event, clock } = this.#invocation;
    if (event.executionEndsMs === null) return null;
    return Math.round(Math.max(1, (event.executionEndsMs - clock.nowMs()) * OF_THE_REST));
  }

  #ranFused({ tookMs, ...epoch }: FusedEpochRun): void {
    this.#ran({ ...epoch, stageMs: { [FUSED]: tookMs }, subtasks: {} });
    if (this.#paced) this.#endWhereDry(epoch);
  }

  #ranFannedOut(epoch: FannedOutEpoch): void {
    this.#ran(epoch);
    // Nobody waits for input with a lease in a plan that is many functions' work.
    if (this.#paced || epoch.idle) this.#endWhereDry(epoch);
  }

  #ran({ rows, backlog, beganAtMs, nextTimerMs, stageMs, subtasks }: FannedOutEpoch): void {
    this.#subtasks = subtasks;
    this.#nextTimerMs = nextTimerMs;
    const nowMs = this.#invocation.clock.nowMs();
    // A plan's clock is its head's, which may come from a clock that was ahead.
    this.#beganAtMs = Math.min(beganAtMs, nowMs);
    this.#speeds = noted(this.#speeds, {
      rows,
      width: widest(subtasks),
      stageMs,
      backlog,
      nowMs,
    });
  }

  /** Whoever has read everything is done for now. An epoch that was planned ahead has looked no further. */
  #endWhereDry({ idle, isAhead, backlog }: Pick<FannedOutEpoch, 'idle' | 'isAhead' | 'backlog'>): void {
    if (isAhead) return;
    if (idle) this.#end.stop('idle');
    else if (backlog.every(({ splits }) => splits === 0)) this.#end.stop('paced');
  }

  /** False: it cannot be made smaller. */
  #outOfTime(rows: number | null): boolean {
    const fewer = fewerRows(this.#rowLimit, rows);
    this.#isTooSlow = fewer === null;
    this.#rowLimit = fewer ?? 1;
    return fewer !== null;
  }

  /** Not again while the last one may still be at it. */
  async #askForFold(): Promise<void> {
    const nowMs = this.#invocation.clock.nowMs();
    if (this.#foldAskedMs !== null && nowMs - this.#foldAskedMs < FOLD_PATIENCE_MS) return;
    this.#foldAskedMs = nowMs;
    try {
      await this.#invocation.startFold!();
    } catch (error) {
      this.#invocation.onNotice?.('the folder could not be started; the log grows until it is', {
        why: messageOf(error),
      });
    }
  }

  #published(manifest: Manifest): void {
    const committedBeforeMs = this.#last?.committedAt ?? null;
    this.#last = manifest;
    this.#foldWanted = this.#invocation.startFold !== undefined && foldWanted(manifest, FOLD_OUTSIDE);
    this.#invocation.onEpoch?.({
      manifest,
      committedBeforeMs,
      durationMs: this.#invocation.clock.nowMs() - manifest.clock,
      backlog: this.#speeds.left,
      subtasks: this.#subtasks,
    });
  }
}

const widest = (subtasks: Readonly<Record<string, number>>): number => Math.max(1, ...Object.values(subtasks));
