/**
 * Drives the epoch machine over the ports: performs each effect, or has it performed elsewhere, and tells the answer. All decisions are in
 * `step`; here are only what a failure is called, when to sweep, and where a test may kill the process.
 *
 * A driver may return before the session ends: `Outside` answers 'suspend', nothing more is done, the lease stays, and the session goes on
 * with whoever passes what is carried to `driveJob` again. That may happen twice, and while the first driver still runs
 * (checkpoint/step.ts says why that is harmless).
 */
import { randomBytes } from 'node:crypto';
import type { Effect } from '../checkpoint/effects.ts';
import type { Event } from '../checkpoint/events.ts';
import { begin, type Ending, type Held, type Machine, type Suspension } from '../checkpoint/states.ts';
import { step, type Step } from '../checkpoint/step.ts';
import { suspensionOf } from '../checkpoint/suspension.ts';
import { InvariantError, messageOf } from '../model/errors.ts';
import { crashPoint, InjectedCrash } from './crash-point.ts';
import { EffectPerformer, type PerformerMemory, type Suspend } from './effect-performer.ts';
import type { JobOptions, JobOutcome } from './job-options.ts';
import { sweep } from './sweep.ts';

/** Performs effects in other places than this process. */
export interface Outside {
  /**
   * Asked before every effect. Null: it is performed here. An event: it was performed elsewhere, and this came of it; failures are
   * thrown, as a runner throws them. 'suspend': return now.
   */
  perform(effect: Effect, machine: Machine): Promise<Event | 'suspend' | null>;
}

/** What a suspended session takes along to its next driver: JSON, small. */
export interface Carry extends Suspension {
  readonly memory: PerformerMemory;
  /** Epoch of the last sweep. */
  readonly sweptAt: number;
}

export interface Suspended {
  readonly kind: 'suspended';
  readonly session: string;
  readonly carry: Carry;
  /** Suspended where the restart strategy delays: how long. */
  readonly waitMs: number;
  /** Published by this driver. */
  readonly epochs: number;
}

export type DriveOptions = JobOptions & {
  /** The session goes on: no claim, no new generation. `settings.restore` and `session` are the carried ones. */
  readonly resume?: Carry | null;
  readonly outside?: Outside;
};

/** Committed epochs between two sweeps. */
export const SWEEP_EVERY_EPOCHS = 16;
const MIN_LEASE_TTL_MS = 30_000;
const LEASE_SLACK_MS = 10_000;

/** Until the session ends, or is suspended. Throws only on bugs and crash points. */
export async function driveJob(options: DriveOptions): Promise<JobOutcome | Suspended> {
  const resume = options.resume ?? null;
  const performer = new EffectPerformer(options, resume?.memory ?? null);
  let machine = beginOf(options, resume);
  let effects: readonly Effect[] = [{ kind: 'read-head' }];
  let epochs = 0;
  let sweptAt = resume?.sweptAt ?? null;
  let held: Held | null = null;
  while (true) {
    const event = await performAll(effects, machine, performer, options.outside);
    if (event === null) break;
    if (event.kind === 'suspend') {
      const carry = { ...suspensionOf(machine), memory: performer.memory, sweptAt: sweptAt ?? held?.head.epoch ?? 0 };
      return { kind: 'suspended', session: machine.session.id, carry, waitMs: event.waitMs, epochs };
    }
    machine = withRequests(machine, options);
    const before = machine;
    ({ machine, effects } = stepOrFail(machine, event, performer));
    if (event.kind === 'published') {
      epochs += 1;
      if (before.state.kind === 'publishing') options.onEpoch?.(before.state.manifest);
    }
    held = 'held' in machine.state ? machine.state.held : endedWith(before, event, held);
    if (held === null) continue;
    sweptAt ??= held.head.epoch;
    if (machine.state.kind === 'preparing' && held.head.epoch - sweptAt >= SWEEP_EVERY_EPOCHS) {
      sweptAt = held.head.epoch;
      await sweepQuietly(options, held);
    }
  }
  return await ended(machine, { options, held, epochs, sweptAt, performer });
}

/** The answer to the effect that is awaited; null: none is. */
async function performAll(
  effects: readonly Effect[],
  machine: Machine,
  performer: EffectPerformer,
  outside: Outside | undefined,
): Promise<Event | Suspend | null> {
  let event: Event | null = null;
  for (const effect of effects) {
    const elsewhere = outside === undefined ? undefined : () => outside.perform(effect, machine);
    const answer = await performer.perform(effect, machine, elsewhere);
    if (answer?.kind === 'suspend') return answer;
    event = answer ?? event;
  }
  return event;
}

interface AtTheEnd {
  readonly options: JobOptions;
  readonly held: Held | null;
  readonly epochs: number;
  readonly sweptAt: number | null;
  readonly performer: EffectPerformer;
}

async function ended({ state }: Machine, { options, held, epochs, sweptAt, performer }: AtTheEnd): Promise<JobOutcome> {
  if (state.kind !== 'ended')
    throw new InvariantError(
      `the coordinator stopped in state ${state.kind}. This is a bug in Millrace; please report it.`,
    );
  const { ending } = state;
  // Already finished: whoever finished it may have died before its sweep.
  const settled: readonly Ending['kind'][] = ['finished', 'stopped', 'cancelled', 'already'];
  const from = sweptAt ?? held?.head.epoch ?? 0;
  if (held !== null && settled.includes(ending.kind) && isSwept(options, ending, from, held.head.epoch))
    await sweepQuietly(options, held);
  return outcomeOf(ending, epochs, performer.lastError);
}

/** Epochs: of the last sweep, or when the session began, and the last one. */
function isSwept({ settings }: JobOptions, { kind }: Ending, from: number, to: number): boolean {
  return kind !== 'stopped' || settings.sweepsOnStop?.({ from, to }) !== false;
}

function beginOf(options: JobOptions, resume: Carry | null): Machine {
  const { settings } = options;
  const ttlMs =
    settings.leaseTtlMs ??
    Math.max(MIN_LEASE_TTL_MS, settings.intervalMs + settings.minPauseMs + settings.timeoutMs + LEASE_SLACK_MS);
  const session = {
    job: options.job,
    owner: options.lease.owner,
    id: resume?.session ?? options.session ?? randomBytes(6).toString('hex'),
    incarnation: options.incarnation ?? randomBytes(4).toString('hex'),
    ttlMs,
    graphHash: options.runner.graphHash,
    start: resume?.start ?? (settings.restore ? 'restore' : 'continue'),
    poison: settings.hasDeadLetters ? 'dead-letter' : 'fail',
    onCancel: settings.onCancel,
    minPauseMs: settings.minPauseMs,
    ...(settings.fold === undefined ? {} : { fold: settings.fold }),
  } as const;
  return begin(session, resume);
}

function withRequests(machine: Machine, options: JobOptions): Machine {
  if (options.cancel?.aborted === true && machine.request !== 'cancel')
    return step(machine, { kind: 'request', request: 'cancel' }).machine;
  if (options.stop?.aborted === true && machine.request === 'none')
    return step(machine, { kind: 'request', request: 'stop' }).machine;
  return machine;
}

/** A broken invariant (an ack that does not fit its plan) ends the run like any failure that cannot be retried: the lease is released. */
function stepOrFail(machine: Machine, event: Event, performer: EffectPerformer): Step {
  try {
    return step(machine, event);
  } catch (error) {
    if (event.kind === 'failed') throw error;
    performer.lastError = error;
    return step(machine, { kind: 'failed', reason: messageOf(error), retryable: false, ranges: null, poison: null });
  }
}

/** The head that the last compare-and-set of a session left, or that it found. */
function endedWith(before: Machine, event: Event, held: Held | null): Held | null {
  const { state } = before;
  if (state.kind === 'swapping' && event.kind === 'cas-won') return { version: state.expected + 1, head: state.target };
  if ((state.kind === 'settling' || state.kind === 'reading') && event.kind === 'head-read') return event.found;
  return held;
}

/** A sweep that fails is repeated by the next one; nothing hangs on it. */
async function sweepQuietly(options: JobOptions, held: Held): Promise<void> {
  try {
    await sweep(options.store, options.blobs, held.head, options.crashPoint ?? crashPoint, options.table);
  } catch (error) {
    if (error instanceof InjectedCrash) throw error;
    options.onNotice?.('a sweep failed; the next one repeats it', { why: messageOf(error) });
  }
}

function outcomeOf(ending: Ending, epochs: number, error: unknown): JobOutcome {
  if (ending.kind === 'failed')
    return { kind: 'failed', reason: ending.reason, error: error ?? new InvariantError(ending.reason), epochs };
  return { ...ending, epochs };
}
