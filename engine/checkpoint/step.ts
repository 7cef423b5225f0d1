/**
 * The epoch machine: `step(machine, event) → { machine, effects }`, pure. The embedded loop, Step Functions and the simulator drive
 * this one function; `exploration.test.ts` explores it. ARCHITECTURE section 2 is its specification:
 *
 * - E1 Plan before work: the plan item is written (planning), then the head takes it under a new generation (attempts.ts). A retry
 *   keeps ranges and clock (build-plan.ts, failures.ts); what differs is recorded in `plan.replan` and counted.
 * - E2 Nothing visible before the commit: object names carry run, epoch, generation, stage, subtask, attempt (object-names.ts); one
 *   ack per plan, the first wins and is read back (acking, adopting).
 * - E3 One conditional write commits (sealing → swapping). An unknown or lost outcome is settled by reading the head (settling):
 *   only a head that is, byte for byte, the one this session wrote, at the version it wrote, is its own.
 * - E4 Only the head's compare-and-set fences: every claim and plan takes a generation; a head that changed otherwise ends the session.
 * - E5 After the commit all is redo: a Committed head is published (again) before anything else follows, restore and cancellation
 *   included. Leaving Committed is the proof of publication.
 * - E6 Nothing that someone can still read is swept: garbage.ts decides, and refers only to what is decided.
 * - E7 Given the plan all is determined: the machine hands the runner nothing but the plan (and, after repeated failures, a row limit).
 *
 * A session may be suspended at any effect and go on with another driver (suspension.ts, `resuming`): the head whose lease bears its
 * id is read, and its phase says where to go on, with no claim and no generation. Nobody can know that a driver has stopped, so several
 * may drive one session at once. That is harmless, because
 *
 * - S1 what two drivers may both write with different contents has different names: plans, folds and attempts carry the driver's
 *   incarnation. So an unknown or lost compare-and-set that looks like one's own is one's own, or means the same.
 * - S2 what has one name has one content, the first, and is read back: the plan that the head has, the ack, the manifest (sealed).
 *   A commit's target is the same for both: either one's write commits the same manifest, and both may publish it (E2, E5).
 * - S3 what only a driver's memory knows binds nobody else: an ack of an extended plan is marked, and not adopted (adopting).
 * - S4 only the lease's session goes on under the head's generation; a plan's compare-and-set renews the lease for its driver.
 * - S5 what is carried along may be old: it counts only for the plan, or the published manifest, that it names; a restore is recognised
 *   by its run's id.
 *
 * The log may be folded beside the epochs by someone who holds nothing (adopt-fold.ts): a plan adopts a record whose epoch is
 * committed in its run and which stands for some of the log; until then it is kept (E6).
 *
 * Writes of an epoch in steady state: plan, ack, manifest items; two compare-and-sets (plan with Published(e − 1), commit).
 * An idle job writes nothing but its lease's renewal: the attempt is repeated under the same plan, extended in memory.
 *
 * Files: states, events, effects, transitions (the table); take-over, attempts, after-commit, failures, winding-down (handlers);
 * suspension, adopt-fold.
 */
import { InvariantError } from '../model/errors.ts';
import { afterCommit } from './after-commit.ts';
import { attempts } from './attempts.ts';
import { effectOf, type Effect } from './effects.ts';
import type { Event } from './events.ts';
import { deciding, onFailure, onFenced } from './failures.ts';
import type { Machine, StateKind, States } from './states.ts';
import { takeOver } from './take-over.ts';
import type { Accepts, Handlers, Move } from './transitions.ts';

export interface Step {
  readonly machine: Machine;
  /** In order; the last one, unless the machine has ended, is the one whose answer is awaited. Empty after a request. */
  readonly effects: readonly Effect[];
}

const HANDLERS: Handlers<Exclude<StateKind, 'ended'>> = { ...takeOver, ...attempts, ...afterCommit, ...deciding };

/** The same table at run time: an event that a state does not accept is a bug in the driver. */
const ACCEPTS: { readonly [K in StateKind]: readonly Accepts[K][] } = {
  reading: ['head-read'],
  waiting: ['waited'],
  resuming: ['head-read'],
  swapping: ['cas-won', 'cas-lost', 'cas-unknown'],
  settling: ['head-read'],
  loading: ['loaded'],
  preparing: ['prepared'],
  planning: ['item-written'],
  running: ['ran', 'declined'],
  idling: ['woken'],
  acking: ['item-written'],
  adopting: ['ack-read'],
  sealing: ['item-written'],
  sealed: ['manifest-read'],
  publishing: ['published'],
  stamping: ['stamped'],
  folding: ['folded'],
  recording: ['item-written'],
  deciding: ['retry', 'give-up'],
  ended: [],
};

export function step(machine: Machine, event: Event): Step {
  if (event.kind === 'request') {
    const request = machine.request === 'cancel' ? 'cancel' : event.request;
    return { machine: { ...machine, request }, effects: [] };
  }
  const moved = move(machine, event);
  const next: Machine = { ...machine, state: moved.state };
  const effect = effectOf(next);
  return { machine: next, effects: effect === null ? moved.notes : [...moved.notes, effect] };
}

function move(machine: Machine, event: Exclude<Event, { kind: 'request' }>): Move<StateKind> {
  if (event.kind === 'failed') return onFailure(machine, event);
  if (event.kind === 'fenced') return onFenced(machine, event);
  const { state } = machine;
  const accepts: readonly string[] = ACCEPTS[state.kind];
  if (state.kind === 'ended' || !accepts.includes(event.kind))
    throw new InvariantError(
      `state ${state.kind} was told "${event.kind}". This is a bug in Millrace; please report it.`,
    );
  // The tables above pair state and event; the compiler cannot follow a lookup by a union's tag.
  const handler = HANDLERS[state.kind] as (state: States[StateKind], event: Event, machine: Machine) => Move<StateKind>;
  return handler(state, event, machine);
}
