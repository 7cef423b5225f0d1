/**
 * Drives the epoch machine over the ports: performs each effect, tells the answer. All decisions are in `step`; here are only
 * what a failure is called, when to sweep, and where a test may kill the process.
 */
import { randomBytes } from 'node:crypto';
import type { Effect } from '../checkpoint/effects.ts';
import type { Event } from '../checkpoint/events.ts';
import { begin, type Ending, type Held, type Machine } from '../checkpoint/states.ts';
import { step, type Step } from '../checkpoint/step.ts';
import { InvariantError, messageOf } from '../model/errors.ts';
import { crashPoint, InjectedCrash } from './crash-point.ts';
import { EffectPerformer } from './effect-performer.ts';
import type { JobOptions, JobOutcome } from './job-options.ts';
import { sweep } from './sweep.ts';

/** Committed epochs between two sweeps. */
export const SWEEP_EVERY_EPOCHS = 16;
const MIN_LEASE_TTL_MS = 30_000;
const LEASE_SLACK_MS = 10_000;

/** Runs the job until it finishes, is stopped or cancelled, fails for good, or another coordinator has it. Throws only on bugs and crash points. */
export async function runJob(options: JobOptions): Promise<JobOutcome> {
  const performer = new EffectPerformer(options);
  let machine = beginOf(options);
  let effects: readonly Effect[] = [{ kind: 'read-head' }];
  let epochs = 0;
  let sweptAt = 0;
  let held: Held | null = null;
  while (true) {
    let event: Event | null = null;
    for (const effect of effects) event = (await performer.perform(effect, machine)) ?? event;
    if (event === null) break;
    machine = withRequests(machine, options);
    const before = machine;
    ({ machine, effects } = stepOrFail(machine, event, performer));
    if (event.kind === 'published') {
      epochs += 1;
      if (before.state.kind === 'publishing') options.onEpoch?.(before.state.manifest);
    }
    held = 'held' in machine.state ? machine.state.held : endedWith(before, event, held);
    if (machine.state.kind === 'preparing' && epochs - sweptAt >= SWEEP_EVERY_EPOCHS && held !== null) {
      sweptAt = epochs;
      await sweepQuietly(options, held);
    }
  }
  if (machine.state.kind !== 'ended')
    throw new InvariantError(
      `the coordinator stopped in state ${machine.state.kind}. This is a bug in Millrace; please report it.`,
    );
  const { ending } = machine.state;
  // Already finished: whoever finished it may have died before its sweep.
  const settled: readonly Ending['kind'][] = ['finished', 'stopped', 'cancelled', 'already'];
  if (held !== null && settled.includes(ending.kind)) await sweepQuietly(options, held);
  return outcomeOf(ending, epochs, performer.lastError);
}

function beginOf(options: JobOptions): Machine {
  const { settings } = options;
  const ttlMs =
    settings.leaseTtlMs ??
    Math.max(MIN_LEASE_TTL_MS, settings.intervalMs + settings.minPauseMs + settings.timeoutMs + LEASE_SLACK_MS);
  return begin({
    job: options.job,
    owner: options.lease.owner,
    id: options.session ?? randomBytes(6).toString('hex'),
    ttlMs,
    graphHash: options.runner.graphHash,
    start: settings.restore ? 'restore' : 'continue',
    poison: settings.hasDeadLetters ? 'dead-letter' : 'fail',
    onCancel: settings.onCancel,
    minPauseMs: settings.minPauseMs,
    ...(settings.fold === undefined ? {} : { fold: settings.fold }),
  });
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
    await sweep(options.store, options.blobs, held.head, options.crashPoint ?? crashPoint);
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
