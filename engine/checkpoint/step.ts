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
 * Writes of an epoch in steady state: plan, ack, manifest items; two compare-and-sets (plan with Published(e − 1), commit).
 * An idle job writes nothing but its lease's renewal: the attempt is repeated under the same plan, extended in memory.
 *
 * Files: states, events, effects, transitions (the table); take-over, attempts, after-commit, failures, winding-down (handlers).
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
  swapping: ['cas-won', 'cas-lost', 'cas-unknown'],
  settling: ['head-read'],
  loading: ['loaded'],
  preparing: ['prepared'],
  planning: ['item-written'],
  running: ['ran'],
  idling: ['woken'],
  acking: ['item-written'],
  adopting: ['ack-read'],
  sealing: ['item-written'],
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
  if (event.kind === 'fenced') return onFenced(machine, event.by);
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
