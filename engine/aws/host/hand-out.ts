/**
 * What the coordinator has done by other functions, performed as effects of the epoch machine: a fanned-out epoch's stages, one after another, and
 * the publication of what they staged. Each time it suspends the coordinator, whose answer carries the tasks; the next invocation looks at what
 * stands in the store, whatever it is told.
 *
 * A stage that was done without an answer of every subtask is handed out again; after `MOST_TIMES`, or when the machine has given up on it, the
 * attempt has failed. A publication that failed is done here, where its failure is told from a target that is away. And a restart's delay is waited
 * for by the state machine where this invocation may be too short for another attempt.
 */
import type { Effect } from '../../checkpoint/effects.ts';
import type { Event } from '../../checkpoint/events.ts';
import { isPlannedAhead } from '../../checkpoint/build-plan.ts';
import { manifestKey } from '../../checkpoint/item-keys.ts';
import type { Manifest, Plan, StagedSlot } from '../../checkpoint/records.ts';
import { writerOf, type Machine } from '../../checkpoint/states.ts';
import { ConfigError, CorruptionError, InvariantError, RetryableError, UserCodeError } from '../../model/errors.ts';
import { attemptId } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StateStore } from '../../ports/state-store.ts';
import type { SourceBacklog } from '../../runtime/backlog.ts';
import type { Outside } from '../../runtime/drive-job.ts';
import { AttemptFailure } from '../../runtime/epoch-runner.ts';
import { StagedEpoch, type StagedNext } from '../../runtime/fan-out/staged/staged-epoch.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import type { HandedOut } from './carry.ts';
import type { Done } from './coordinator-event.ts';
import { isFannedOut } from './planned-width.ts';
import type { PublishTask, SubtaskTask } from './tasks.ts';

/** What an answer hands out. */
export type Order =
  | { readonly status: 'stage'; readonly tasks: readonly SubtaskTask[] }
  | { readonly status: 'publish'; readonly tasks: readonly PublishTask[] };

export interface FannedOutEpoch {
  readonly rows: number;
  readonly idle: boolean;
  /** It was told how far to read: there may be more. */
  readonly isAhead: boolean;
  readonly backlog: readonly SourceBacklog[];
  readonly beganAtMs: number;
  readonly nextTimerMs: number | null;
  readonly stageMs: Readonly<Record<string, number>>;
  readonly subtasks: Readonly<Record<string, number>>;
}

export interface HandOutOptions {
  readonly graph: RunnerOptions['graph'];
  readonly store: StateStore;
  readonly clock: Clock;
  /** What the last invocation handed out, and what came of it. */
  readonly handedOut: HandedOut | null;
  readonly done: Done;
  /** Rows that an epoch of so many subtasks may read. */
  rowLimit(subtasks: Readonly<Record<string, number>>): number | null;
  isCancelled(): boolean;
  /** Milliseconds that a stage may take; null: its functions' time. */
  stageMs(): number | null;
  /** Of the invocation's time there may not be enough left for a restart's delay and another attempt. */
  isTooShort(): boolean;
  publish(manifest: Manifest): Promise<void>;
  /** A fanned-out epoch has been run to its end. */
  ran(epoch: FannedOutEpoch): void;
  /** It did not fit its time; null: nobody knows how much it read. Answers how the job ends if it cannot be made smaller. */
  outOfTime(rows: number | null): string | null;
}

/** The same stage, without all of its answers. */
const MOST_TIMES = 3;
const MOST_SKIPPED = 200;
/** What is staged in several slots is published by as many functions, from so much on. */
const MUCH_BYTES = 4 * 1024 * 1024;

export class HandOut implements Outside {
  readonly #options: HandOutOptions;
  #handedOut: HandedOut | null;
  #order: Order | null = null;
  /** What the machine says is true of what was handed out before this invocation, and of nothing else. */
  #done: Done;
  #ranFannedOut = false;
  #attempts = 0;

  constructor(options: HandOutOptions) {
    this.#options = options;
    this.#handedOut = options.handedOut;
    this.#done = options.done;
  }

  /** Of the suspended coordinator. */
  get order(): Order | null {
    return this.#order;
  }

  get handedOut(): HandedOut | null {
    return this.#order === null ? null : this.#handedOut;
  }

  async perform(effect: Effect, machine: Machine): Promise<Event | 'suspend' | null> {
    if (effect.kind === 'run') return await this.#run(effect, machine);
    if (effect.kind === 'publish') return await this.#publish(effect.manifest);
    // What restarts there were is carried, or a job whose attempts take long would never have had too many.
    if (effect.kind === 'decide' && !effect.patient && isSmall(machine) && this.#options.isTooShort()) return 'suspend';
    return null;
  }

  async #run(effect: Extract<Effect, { kind: 'run' }>, machine: Machine): Promise<Event | 'suspend' | null> {
    const { graph, store, clock } = this.#options;
    const { plan, key } = effect;
    if (!isFannedOut(graph, plan)) {
      this.#ranFannedOut = false;
      return null;
    }
    if (this.#options.isCancelled()) return { kind: 'declined', reason: 'the job is cancelled' };
    if (effect.extended) return { kind: 'declined', reason: 'a plan that waited for input is not fanned out' };
    const attempt = attemptId(`${writerOf(machine.session)}.f${++this.#attempts}`);
    const epoch = new StagedEpoch({ store, job: graph.job, graph, plan, key, attempt });
    const next = await epoch.next(this.#gaveUp(key));
    switch (next.kind) {
      case 'stage':
        return this.#handOutStage(effect, next);
      case 'failed':
        return this.#failed(plan, next);
      case 'done': {
        const { ack, idle, backlog, stageMs } = next;
        const rows = ack.counts['recordsIn'] ?? 0;
        this.#ranFannedOut = true;
        const { clock: beganAtMs, subtasks } = plan;
        const isAhead = isPlannedAhead(plan) && plan.splits.length > 0;
        const nextTimerMs = ack.nextTimers.processingTime;
        this.#options.ran({ rows, idle, isAhead, backlog, beganAtMs, nextTimerMs, stageMs, subtasks });
        return { kind: 'ran', ack, idle, nowMs: clock.nowMs() };
      }
    }
  }

  /** The stage that was handed out last, of this plan. */
  #last(key: string): HandedOut | null {
    return this.#handedOut !== null && this.#handedOut.stage !== null && this.#handedOut.key === key
      ? this.#handedOut
      : null;
  }

  #gaveUp(key: string): { readonly stage: string; readonly error: string } | null {
    const last = this.#last(key);
    if (last === null || this.#done.kind !== 'stage') return null;
    const { error } = this.#done;
    if (error !== null) return { stage: last.stage!, error: `${error.name}: ${error.cause}` };
    return last.times >= MOST_TIMES ? { stage: last.stage!, error: `${last.times} times without an answer` } : null;
  }

  #handOutStage(
    { plan, key, rowLimit }: Extract<Effect, { kind: 'run' }>,
    { stage, tasks }: Extract<StagedNext, { kind: 'stage' }>,
  ): 'suspend' {
    const last = this.#last(key);
    const limits = [this.#options.rowLimit(plan.subtasks), rowLimit].filter((limit) => limit !== null);
    const maxRows = limits.length === 0 ? null : Math.max(1, Math.ceil(Math.min(...limits) / tasks.length));
    const maxMs = this.#options.stageMs();
    this.#order = { status: 'stage', tasks: tasks.map((task) => ({ ...task, maxRows, maxMs })) };
    this.#handedOut = {
      key,
      stage,
      times: last?.stage === stage ? last.times + 1 : 1,
    };
    return 'suspend';
  }

  #failed(plan: Plan, failed: Extract<StagedNext, { kind: 'failed' }>): Event {
    const { reason, code, poison, retryable, outOfTime, ranges } = failed;
    if (!outOfTime) throw new AttemptFailure(errorOf(code, reason), { ranges, poison, retryable });
    const tooSlow = this.#options.outOfTime(failed.rows > 0 ? failed.rows : null);
    if (tooSlow !== null)
      throw new AttemptFailure(new ConfigError(tooSlow), { ranges: null, poison, retryable: false });
    // No failure of the job's: less is planned. Ranges that were planned ahead would be the same again.
    if (!isPlannedAhead(plan)) return { kind: 'declined', reason: `the epoch did not fit its time: ${reason}` };
    throw new AttemptFailure(new RetryableError(reason), { ranges: null, poison, retryable: true });
  }

  async #publish(manifest: Manifest): Promise<Event | 'suspend' | null> {
    const { graph } = this.#options;
    // Another version of the job may have handed out other slots.
    if (manifest.graphHash !== graph.hash) return null;
    const slots = slotsToHandOut(graph, manifest);
    const bytes = slots.reduce((sum, { objects }) => objects.reduce((all, object) => all + object.bytes, sum), 0);
    const key = manifestKey(manifest.epoch, manifest.generation);
    const last = this.#handedOut?.stage === null && this.#handedOut.key === key ? this.#handedOut : null;
    if (last !== null && this.#done.kind === 'publish') {
      if (this.#done.error !== null) return null;
      await this.#options.publish({ ...manifest, staged: manifest.staged.filter((slot) => !slots.includes(slot)) });
      return { kind: 'published' };
    }
    if (slots.length < 2 || !(this.#ranFannedOut || bytes >= MUCH_BYTES)) return null;
    const tasks = slots.map(({ sink, slot }): PublishTask => ({ manifest: key, sink, slot }));
    this.#order = { status: 'publish', tasks };
    this.#handedOut = { key, stage: null, times: 1 };
    return 'suspend';
  }
}

/** A list of records to skip may be longer than a state machine's payload. */
function isSmall({ state }: Machine): boolean {
  if (state.kind !== 'deciding' || state.resume.kind !== 'preparing') return true;
  return (state.resume.retry?.skip.length ?? 0) <= MOST_SKIPPED;
}

/** Not those of sinks that are told when all of their slots are published: that is one place's work. */
function slotsToHandOut({ nodes }: RunnerOptions['graph'], { staged }: Manifest): StagedSlot[] {
  return staged.filter(({ sink }) => {
    const operator = nodes.find(({ uid }) => uid === sink)?.operator;
    return operator?.kind === 'sink' && operator.sink.followsWatermark !== true;
  });
}

function errorOf(code: Extract<StagedNext, { kind: 'failed' }>['code'], reason: string): Error {
  switch (code) {
    case 'config':
      return new ConfigError(reason);
    case 'user-code':
      return new UserCodeError(reason);
    case 'corruption':
      return new CorruptionError(reason);
    case 'invariant':
      return new InvariantError(reason);
    case 'retryable':
    case 'unknown-outcome':
    case 'fenced':
      return new RetryableError(reason);
    case 'unexpected':
      return new Error(reason);
  }
}
