/** Performs the epoch machine's effects over the ports and names what came of them as events. Holds no protocol state. */
import { detailsOf, stateOf } from '../checkpoint/build-plan.ts';
import {
  decideRestart,
  NO_FAILURES,
  shifted,
  type RestartDecision,
  type RestartHistory,
} from '../checkpoint/restart-strategy.ts';
import type { Effect } from '../checkpoint/effects.ts';
import type { Event } from '../checkpoint/events.ts';
import { encodeHead } from '../checkpoint/head-moves.ts';
import { foldNeed } from '../checkpoint/fold-policy.ts';
import type { FoldRecord, Head, Manifest } from '../checkpoint/records.ts';
import { writerOf, type Machine } from '../checkpoint/states.ts';
import type { Consumption } from '../model/consumption.ts';
import {
  ConfigError,
  CorruptionError,
  FencedError,
  InvariantError,
  messageOf,
  RetryableError,
  UnknownOutcomeError,
} from '../model/errors.ts';
import { attemptId } from '../model/ids.ts';
import { exponentialDelay } from '../model/restart-strategy.ts';
import { crashPoint, InjectedCrash, type CrashPoint } from './crash-point.ts';
import type { KnownSplits } from '../ports/source.ts';
import { AttemptFailure } from './epoch-runner.ts';
import type { JobOptions } from './job-options.ts';
import { readAck, readHead, readManifest, readNewestFold, readReachable } from './job-records.ts';
import { packRecord } from './packed-record.ts';
import { splitsBefore } from './split-task.ts';

/** What a suspended coordinator remembers of its failures, by the wall clock. Small JSON. */
export interface PerformerMemory {
  readonly restarts: RestartHistory;
  readonly waits: RestartHistory;
  readonly longWaits: RestartHistory;
  readonly endingSinceMs: number | null;
  readonly resumesAfterPublish: boolean;
}

/** Performs an effect somewhere else: what came of it, or that nobody is to wait for it here. Null: it does not. */
export type Elsewhere = () => Promise<Event | 'suspend' | null>;

/** `waitMs`: what the restart strategy has decided. */
export interface Suspend {
  readonly kind: 'suspend';
  readonly waitMs: number;
}

export class EffectPerformer {
  /** The last failure as it was thrown, for the outcome. */
  lastError: unknown = null;
  readonly #options: JobOptions;
  readonly #requested: AbortSignal;
  #restarts: RestartHistory = NO_FAILURES;
  /** Of a target that is away: as the restart strategy says, and beyond it. */
  #waits: RestartHistory = NO_FAILURES;
  #longWaits: RestartHistory = NO_FAILURES;
  /** The first failure after the job was asked to end. */
  #endingSinceMs: number | null = null;
  #attempts = 0;
  #ranAs = '';
  #resumesAfterPublish = false;
  #headChangedMs = 0;
  /** The head as this coordinator knows it, to name crash points. */
  #head: Head | null = null;

  constructor(options: JobOptions, memory: PerformerMemory | null) {
    this.#options = options;
    if (memory !== null) this.#recall(memory);
    const signals = [options.stop, options.cancel].filter((signal) => signal !== undefined);
    this.#requested = AbortSignal.any(signals);
  }

  /** Null: the effect answers nothing. */
  async perform(effect: Effect, machine: Machine, elsewhere?: Elsewhere): Promise<Event | Suspend | null> {
    try {
      const answer = elsewhere === undefined ? null : await elsewhere();
      if (answer === null) return await this.#perform(effect, machine);
      return answer === 'suspend' ? this.#suspend(effect) : await this.#answered(effect, answer);
    } catch (error) {
      return await this.#failure(error, effect, machine);
    }
  }

  /** One is asked for as long as the log is long. */
  async #newestFold({ state }: Machine): Promise<FoldRecord | null> {
    const { store, settings } = this.#options;
    if (state.kind !== 'preparing' || settings.fold?.where !== 'outside') return null;
    if (foldNeed(stateOf(state.base), settings.fold) === 'none') return null;
    return await readNewestFold(store, state.held.head, state.base);
  }

  get memory(): PerformerMemory {
    const byMs = this.#wallAheadMs();
    return {
      restarts: shifted(this.#restarts, byMs),
      waits: shifted(this.#waits, byMs),
      longWaits: shifted(this.#longWaits, byMs),
      endingSinceMs: this.#endingSinceMs === null ? null : this.#endingSinceMs + byMs,
      resumesAfterPublish: this.#resumesAfterPublish,
    };
  }

  #recall(memory: PerformerMemory): void {
    const byMs = -this.#wallAheadMs();
    this.#restarts = shifted(memory.restarts, byMs);
    this.#waits = shifted(memory.waits, byMs);
    this.#longWaits = shifted(memory.longWaits, byMs);
    this.#endingSinceMs = memory.endingSinceMs === null ? null : memory.endingSinceMs + byMs;
    this.#resumesAfterPublish = memory.resumesAfterPublish;
  }

  /** Two processes have no monotonic clock in common. */
  #wallAheadMs(): number {
    return this.#options.clock.nowMs() - this.#options.clock.monotonicMs();
  }

  /** A delay is decided, and counted, before somebody else waits for it. */
  #suspend(effect: Effect): Event | Suspend {
    if (effect.kind !== 'decide') return { kind: 'suspend', waitMs: 0 };
    const decision = this.#decide(effect.patient);
    return decision.kind === 'fail'
      ? { kind: 'give-up', reason: `${effect.reason} (${decision.reason})` }
      : { kind: 'suspend', waitMs: decision.delayMs };
  }

  async #answered(effect: Effect, event: Event): Promise<Event> {
    if (effect.kind === 'publish' && event.kind === 'published') return await this.#published(effect.manifest);
    if (event.kind === 'failed') this.lastError = event.retryable ? new RetryableError(event.reason) : null;
    return event;
  }

  async #published({ run, epoch }: Manifest): Promise<Event> {
    if (this.#resumesAfterPublish) await this.#options.runner.resume?.(run, epoch);
    this.#resumesAfterPublish = false;
    this.#waits = this.#longWaits = NO_FAILURES;
    return { kind: 'published' };
  }

  async #perform(effect: Effect, machine: Machine): Promise<Event | null> {
    const { store, runner, clock, job, settings } = this.#options;
    switch (effect.kind) {
      case 'read-head': {
        const found = await readHead(store, job);
        this.#head = found?.head ?? null;
        const lease = found?.head.lease ?? null;
        const owner =
          lease === null || machine.state.kind !== 'reading' ? 'none' : await this.#options.lease.isAlive(lease.owner);
        return { kind: 'head-read', found, owner, monoMs: clock.monotonicMs(), nowMs: clock.nowMs() };
      }
      case 'wait':
        this.#options.onNotice?.('waits for the lease', { owner: effect.owner });
        await this.#sleep(effect.ms);
        return { kind: 'waited' };
      case 'cas':
        return await this.#cas(effect.expected, effect.target, machine);
      case 'load':
        // E5: a head that has left Committed says so; where it has not, this process publishes first.
        if (effect.claimed) {
          this.#resumesAfterPublish = effect.head.phase.kind === 'committed';
          if (!this.#resumesAfterPublish) await runner.resume?.(effect.head.run, effect.head.epoch);
        }
        return { kind: 'loaded', ...(await readReachable(store, effect.head)) };
      case 'prepare':
        if (effect.pauseMs > 0) await this.#sleep(effect.pauseMs);
        return {
          kind: 'prepared',
          offers: await runner.discover(splitsKnown(machine)),
          subtasks: runner.subtasks(),
          folded: await this.#newestFold(machine),
          nowMs: clock.nowMs(),
        };
      case 'write-item': {
        const outcome = await store.createItem(job, effect.key, packRecord(effect.record));
        this.#crash(`${effect.what}-written`);
        const sealed = effect.what === 'ack' && outcome === 'created';
        return { kind: 'item-written', outcome, ...(sealed ? this.#consumed() : {}) };
      }
      case 'read-ack':
        return { kind: 'ack-read', ack: await readAck(store, job, effect.key), ...this.#consumed() };
      case 'read-manifest':
        return { kind: 'manifest-read', manifest: await readManifest(store, job, effect.key) };
      case 'run': {
        this.#crash('run-started');
        this.#ranAs = `${writerOf(machine.session)}.${++this.#attempts}`;
        const maxRows = effect.rowLimit === null ? settings.maxRows : Math.min(settings.maxRows, effect.rowLimit);
        const budget = {
          intervalMs: settings.intervalMs,
          timeoutMs: settings.timeoutMs,
          maxRows,
          signal: this.#requested,
        };
        const { ack, idle } = await runner.run(effect.plan, attemptId(this.#ranAs), budget);
        return { kind: 'ran', ack, idle, nowMs: clock.nowMs() };
      }
      case 'wait-for-input': {
        const { ttlMs } = machine.session;
        await runner.waitForInput(Math.max(1, Math.min(Math.floor(ttlMs / 2), MAX_IDLE_WAIT_MS)), this.#requested);
        const lease = clock.monotonicMs() - this.#headChangedMs >= ttlMs / 3 ? 'renew' : 'fresh';
        return {
          kind: 'woken',
          offers: this.#requested.aborted ? [] : await runner.discover(splitsKnown(machine)),
          nowMs: clock.nowMs(),
          lease,
        };
      }
      case 'publish':
        this.#crash('publish-started');
        await runner.publish(effect.manifest);
        return await this.#published(effect.manifest);
      case 'stamp':
        await runner.stamp(effect.run, effect.epoch);
        this.#crash('stamped');
        return { kind: 'stamped' };
      case 'fold':
        return { kind: 'folded', base: await runner.fold(effect.base, effect.log, effect.run, effect.tag) };
      case 'decide': {
        const decision = this.#decide(effect.patient);
        if (decision.kind === 'fail') return { kind: 'give-up', reason: `${effect.reason} (${decision.reason})` };
        // A request cuts a delay short once; after that delays are kept, or a publication that keeps failing would spin.
        await (this.#requested.aborted ? clock.sleep(decision.delayMs) : this.#sleep(decision.delayMs));
        return { kind: 'retry', nowMs: clock.nowMs() };
      }
      case 'committed':
        // The runner's memory stands at the manifest only if it was its own attempt that won (E2).
        if (effect.winner === this.#ranAs) runner.committed(effect.manifest);
        return null;
      case 'note':
        this.#options.onNotice?.(effect.text, effect.data);
        return null;
    }
  }

  /**
   * A target that is away costs no restarts while nobody asked the job to end: the epoch is committed, and failing would not publish it
   * sooner. Any other failure does, and with the strategy "none" all do.
   */
  #decide(patient: boolean): RestartDecision {
    const strategy = this.#options.settings.restartStrategy;
    const isAway = this.lastError instanceof RetryableError || this.lastError instanceof UnknownOutcomeError;
    const nowMs = this.#options.clock.monotonicMs();
    if (patient && isAway && strategy.kind !== 'none' && !this.#requested.aborted) {
      const { history, decision } = decideRestart(strategy, this.#waits, nowMs);
      this.#waits = history;
      if (decision.kind === 'restart') return decision;
      const longer = decideRestart(WHILE_AWAY, this.#longWaits, nowMs);
      this.#longWaits = longer.history;
      return longer.decision;
    }
    const { history, decision } = decideRestart(strategy, this.#restarts, nowMs);
    this.#restarts = history;
    return this.#requested.aborted && decision.kind === 'restart'
      ? this.#untilTheEnd(decision.delayMs, nowMs)
      : decision;
  }

  /** Whoever asked the job to end is not kept waiting by a strategy without an end. */
  #untilTheEnd(delayMs: number, nowMs: number): RestartDecision {
    this.#endingSinceMs ??= nowMs;
    const leftMs = this.#endingSinceMs + MAX_ENDING_MS - nowMs;
    if (leftMs > 0) return { kind: 'restart', delayMs: Math.min(delayMs, leftMs) };
    const reason = `the job was asked to end, and this has failed for ${MAX_ENDING_MS / 1000} s since; what is committed stays, and the job's next run publishes it`;
    return { kind: 'fail', reason };
  }

  async #cas(expected: number, target: Head, machine: Machine): Promise<Event> {
    let answer: 'won' | 'lost';
    const bytes = encodeHead(target);
    try {
      answer = await this.#options.store.casHead(this.#options.job, expected, bytes);
    } catch (error) {
      if (isFinal(error)) throw error;
      // E3: whatever went wrong, the write may have landed.
      this.lastError = error;
      return { kind: 'cas-unknown' };
    }
    if (answer === 'lost') return { kind: 'cas-lost' };
    this.#headChangedMs = this.#options.clock.monotonicMs();
    const before = this.#head;
    this.#head = target;
    for (const point of crashPointsOf(machine, before, target)) this.#crash(point);
    return { kind: 'cas-won' };
  }

  /** A failure while the head has moved on is no failure of ours: another coordinator has the job (E4, E6). */
  async #failure(error: unknown, effect: Effect, machine: Machine): Promise<Event> {
    const attempt = error instanceof AttemptFailure ? error : null;
    const cause: unknown = attempt?.cause ?? error;
    if (cause instanceof InjectedCrash) throw cause;
    if (cause instanceof FencedError) return { kind: 'fenced', by: cause.message, session: null };
    this.lastError = cause;
    if ('held' in machine.state) {
      // A head that cannot be read now says nothing; the failure is then reported as it is.
      const found = await readHead(this.#options.store, this.#options.job).catch(() => null);
      if (found !== null && found.version !== machine.state.held.version) {
        const { lease } = found.head;
        return { kind: 'fenced', by: lease?.owner ?? 'another coordinator', session: lease?.session ?? null };
      }
    }
    const retryable = attempt !== null ? attempt.retryable : !isFinal(error);
    return {
      kind: 'failed',
      reason: `${effect.kind}: ${messageOf(error)}`,
      retryable,
      ranges: attempt?.ranges ?? null,
      poison: attempt?.poison ?? null,
    };
  }

  /** Taken where the epoch is sealed: what is used later belongs to the next one. */
  #consumed(): { readonly consumed?: Consumption } {
    const { consumed } = this.#options;
    return consumed === undefined ? {} : { consumed: consumed() };
  }

  #crash(name: CrashPoint): void {
    (this.#options.crashPoint ?? crashPoint)(name);
  }

  /** Ends early on a request; what follows looks at the request itself. */
  async #sleep(ms: number): Promise<void> {
    if (this.#requested.aborted) return;
    await this.#options.clock.sleep(ms, this.#requested).catch((error: unknown) => {
      if (!this.#requested.aborted) throw error;
    });
  }
}

/** After the restart strategy's delays: 0.5 s, 1 s … 1 min. */
const WHILE_AWAY = exponentialDelay({ initialBackoffMs: 500, maxBackoffMs: 60_000, multiplier: 2 });

/** A job that was asked to end gives up what keeps failing after so long. */
const MAX_ENDING_MS = 30_000;

/** An idle job looks at the world this often at least. */
const MAX_IDLE_WAIT_MS = 60_000;

/** The splits of the committed epochs, or of a plan whose ranges are read again: a source must not cut its input into others now. */
function splitsKnown({ state }: Machine): KnownSplits {
  if (state.kind === 'preparing' && state.retry !== null && state.retry.ranges !== null)
    return splitsBefore(state.retry.plan);
  const base = state.kind === 'preparing' ? state.base : state.kind === 'idling' ? state.work.base : null;
  const ranges = base?.manifest?.ranges ?? [];
  return new Map(
    ranges.map((range) => [range.id, { position: range.to, ended: range.state.ended, ...detailsOf(range) }]),
  );
}

/** Trying again cannot help. */
const isFinal = (error: unknown): boolean =>
  error instanceof ConfigError || error instanceof CorruptionError || error instanceof InvariantError;

/** What a compare-and-set that was won has just made true. */
function crashPointsOf(
  machine: Machine,
  before: Pick<Head, 'phase' | 'generation'> | null,
  target: Head,
): readonly CrashPoint[] {
  const { state } = machine;
  if (state.kind !== 'swapping') return [];
  // Leaving Committed says that the epoch is published, whatever else the write says.
  const published: readonly CrashPoint[] =
    before?.phase.kind === 'committed' && target.phase.kind !== 'committed' ? ['published-cas'] : [];
  switch (state.after.kind) {
    case 'ended':
      return [...published, 'end-cas'];
    case 'running':
      return target.generation === before?.generation ? [] : [...published, 'plan-cas'];
    case 'publishing':
      return state.after.winner === null ? ['claim-cas'] : ['commit-cas'];
    case 'preparing':
      return target.folded === null ? published : ['fold-cas'];
    case 'loading':
      return before?.phase.kind === 'restoring' ? ['stamp-cas'] : ['claim-cas'];
    case 'stamping':
      return [...published, 'claim-cas'];
    case 'folding':
      return published;
  }
}
