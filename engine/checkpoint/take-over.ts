/**
 * How a coordinator comes to hold the head: read it, respect its lease, claim it by a compare-and-set that takes a generation (E4),
 * and go on where the head says the job is. Also: what every compare-and-set's answer means (E3).
 */
import { invariant } from '../model/errors.ts';
import type { WallTimeMs } from '../model/ids.ts';
import { afterPublication } from './after-publication.ts';
import { isPlannedAhead, rangesOf, stateOf } from './build-plan.ts';
import type { Events } from './events.ts';
import { foldNeed } from './fold-policy.ts';
import { changeHead, firstHead, headIs, moveHead, nextGeneration, sameHead, type HeadIn } from './head-moves.ts';
import { beganRun, nextRunId } from './run-ids.ts';
import type { Head, Lease, Plan } from './records.ts';
import {
  NO_HISTORY,
  type Base,
  type EpochHistory,
  type Held,
  type Machine,
  type Retry,
  type Session,
  type States,
  type Suspension,
  type Work,
} from './states.ts';
import { note, to, type Handlers, type Move } from './transitions.ts';
import { windDown } from './winding-down.ts';

export const leaseOf = (session: Session): Lease => ({
  owner: session.owner,
  ttlMs: session.ttlMs,
  session: session.id,
});

export const takeOver: Handlers<'reading' | 'waiting' | 'resuming' | 'swapping' | 'settling' | 'loading' | 'stamping'> =
  {
    reading(state, event, machine) {
      const { session } = machine;
      const { found } = event;
      // Nothing is held yet, so a stop has nothing to finish. A cancellation still claims the job, to say so in the head.
      if (machine.request === 'stop') return to({ kind: 'ended', ending: { kind: 'stopped' } });
      if (machine.request === 'cancel' && found === null) return to({ kind: 'ended', ending: { kind: 'cancelled' } });
      if (found === null) {
        if (session.start === 'restore') return to({ kind: 'ended', ending: { kind: 'nothing-to-restore' } });
        const target = firstHead(session.job, nextRunId(null, event.nowMs, session.id), event.nowMs, leaseOf(session));
        return to({ kind: 'swapping', expected: 0, target, after: { kind: 'stamping' } });
      }
      const { lease } = found.head;
      if (lease !== null && event.owner === 'alive')
        return to({ kind: 'ended', ending: { kind: 'refused', owner: lease.owner } });
      if (lease !== null && event.owner === 'unknown') {
        // E4: measured by the waiter's own clock since it saw the head change; the owner's clock and the head's are not asked.
        const unchanged = state.since !== null && state.since.version === found.version;
        const since =
          unchanged && state.since !== null ? state.since : { version: found.version, monoMs: event.monoMs };
        if (event.monoMs - since.monoMs < lease.ttlMs)
          return to({ kind: 'waiting', since, owner: lease.owner, ttlMs: lease.ttlMs });
      }
      const claimed = session.start === 'restore' ? restore(session, found, event.nowMs) : claim(session, found);
      return lease === null
        ? to(claimed)
        : to(claimed, note('took the job over', { from: lease.owner, owner: event.owner }));
    },

    waiting(state, _event, machine) {
      if (machine.request === 'stop') return to({ kind: 'ended', ending: { kind: 'stopped' } });
      if (machine.request === 'cancel') return to({ kind: 'ended', ending: { kind: 'refused', owner: state.owner } });
      return to({ kind: 'reading', since: state.since });
    },

    resuming({ suspension }, event, machine) {
      const { found } = event;
      if (found !== null && headIs(found.head, 'finished', 'cancelled'))
        return to({ kind: 'ended', ending: { kind: 'already', phase: found.head.phase.kind } });
      const lease = found?.head.lease ?? null;
      // E4: the lease says whose head it is. What a session holds it may go on with, without taking a generation.
      if (found === null || lease?.session !== machine.session.id) {
        const by = lease?.owner ?? 'its own end: the lease was released';
        return to({ kind: 'ended', ending: { kind: 'fenced', by, session: lease?.session ?? null } });
      }
      if (headIs(found.head, 'restoring')) return to({ kind: 'stamping', held: found });
      return to({ kind: 'loading', held: found, suspension });
    },

    swapping(state, event) {
      if (event.kind === 'cas-won') return won(state);
      // E3: 'lost' may be the answer to a repeat of a write that had landed, so both ask the head.
      return to({ ...state, kind: 'settling' });
    },

    settling(state, event) {
      const { found } = event;
      // E3: only what the head says counts. Unchanged: the write has not landed; the same one again is safe, whichever lands. When to
      // try is up to the restart strategy: a store that always fails must not be asked in circles.
      if ((found?.version ?? 0) === state.expected)
        return to({
          kind: 'deciding',
          resume: { ...state, kind: 'swapping' },
          reason: 'the outcome of a compare-and-set was unknown, and it has not landed',
        });
      if (found !== null && found.version === state.expected + 1 && sameHead(found.head, state.target))
        return won(state);
      // E4: someone else changed the head.
      const lease = found?.head.lease ?? null;
      const by = lease?.owner ?? 'another coordinator';
      return to({ kind: 'ended', ending: { kind: 'fenced', by, session: lease?.session ?? null } });
    },

    loading(state, event, machine) {
      const { held, suspension } = state;
      const { head } = held;
      if (headIs(head, 'committed')) {
        const { manifest } = event.base;
        invariant(manifest !== null, 'a committed head has a manifest');
        // E5: whether the epoch is in the sinks is theirs to say; publish again.
        const next =
          machine.session.start === 'restore' && !beganRun(head.run, machine.session.id) ? 'restore' : 'epoch';
        // S5: it is, if this session has seen to it, and the manifest is the one that it named.
        if (next === 'epoch' && suspension !== null && suspension.published === head.manifest)
          return to(afterPublication(machine, { version: held.version, head }, manifest, 0));
        return to({ kind: 'publishing', held, manifest, next, winner: null });
      }
      if (machine.request !== 'none') return to(windDown(machine, held));
      const again = suspension === null ? null : goOn(machine, held, event, suspension);
      if (again !== null) return to(again);
      const retry = event.plan === null ? null : retryAfterCrash(event.plan, machine.session.graphHash);
      if (retry === null && isOverdue(event.base, machine.session))
        return to({ kind: 'folding', held, base: event.base });
      return to({ kind: 'preparing', held, base: event.base, retry, pauseMs: 0 });
    },

    stamping(state) {
      const { held } = state;
      const { head } = held;
      invariant(headIs(head, 'restoring'), 'slots are stamped while Restoring');
      // E5: every slot now knows the new run; nothing of the old one can write any more. Only now may it plan.
      return to({
        kind: 'swapping',
        expected: held.version,
        target: moveHead(head, { kind: 'published' }, {}),
        after: { kind: 'loading', suspension: null },
      });
    },
  };

/** The write is in the head: this coordinator holds it. */
function won(state: States['swapping'] | States['settling']): Move<States['swapping']['after']['kind']> {
  const { after } = state;
  if (after.kind === 'ended') return to(after);
  const held: Held = { version: state.expected + 1, head: state.target };
  switch (after.kind) {
    case 'publishing':
      if (after.winner === null) return to({ ...after, held });
      return to({ ...after, held }, { kind: 'committed', manifest: after.manifest, winner: after.winner });
    case 'loading':
      return to({ ...after, held });
    case 'running':
      return to({ ...after, held });
    case 'preparing':
      return to({ ...after, held });
    case 'stamping':
      return to({ ...after, held });
    case 'folding':
      return to({ ...after, held });
  }
}

/** E4: takes a generation, so that whatever the last owner still does is of an older one. */
function claim(session: Session, found: Held): States['swapping'] | States['ended'] {
  const { head } = found;
  if (headIs(head, 'finished', 'cancelled'))
    return { kind: 'ended', ending: { kind: 'already', phase: head.phase.kind } };
  const target = changeHead(head, { generation: nextGeneration(head), lease: leaseOf(session) });
  return {
    kind: 'swapping',
    expected: found.version,
    target,
    after: head.phase.kind === 'restoring' ? { kind: 'stamping' } : { kind: 'loading', suspension: null },
  };
}

/** A new run on the state of the last published epoch. Committed but unpublished output is published first, or it would be lost (E5). */
function restore(session: Session, found: Held, nowMs: WallTimeMs): States['swapping'] | States['ended'] {
  const { head } = found;
  if (headIs(head, 'restoring')) return claim(session, found);
  if (head.manifest === null) return { kind: 'ended', ending: { kind: 'nothing-to-restore' } };
  if (headIs(head, 'committed')) return claim(session, found);
  invariant(headIs(head, 'published', 'running', 'finished', 'cancelled'), 'every other phase is published');
  const target = restored(session, head, nowMs);
  return { kind: 'swapping', expected: found.version, target, after: { kind: 'stamping' } };
}

/** One write: new run, new generation, Restoring. Epoch numbers go on; manifest and fold stay: they are the state base. */
export function restored(
  session: Session,
  head: HeadIn<'published' | 'running' | 'committed' | 'finished' | 'cancelled'>,
  nowMs: WallTimeMs,
): Head {
  const changes = {
    run: nextRunId(head.run, nowMs, session.id),
    generation: nextGeneration(head),
    lease: leaseOf(session),
  };
  return moveHead<typeof head.phase.kind, 'restoring'>(head, { kind: 'restoring' }, changes);
}

/**
 * E1: a session that goes on runs the plan that the head has, as it is in the store: what its last driver knew beyond that (an
 * extension) is gone, and nobody's. Null: the session has no plan there that it may go on with.
 */
function goOn(
  { session }: Machine,
  held: Held,
  { base, plan }: Events['loaded'],
  { plan: ofPlan, history, retry }: Suspension,
): States['running' | 'preparing'] | null {
  const { phase } = held.head;
  if (plan === null || phase.kind !== 'running' || plan.graphHash !== session.graphHash) return null;
  const isItsOwn = ofPlan === phase.plan;
  if (isItsOwn && retry !== null)
    return { kind: 'preparing', held, base, retry: { ...retry, plan, history }, pauseMs: 0 };
  // Claimed, and not planned yet: the plan is of the coordinator before.
  if (plan.generation !== held.head.generation) return null;
  const work: Work = { base, plan, key: phase.plan, history: isItsOwn ? history : FIRST_ATTEMPT };
  return { kind: 'running', held, work };
}

/** Another driver of the session has planned since: what happened to its plan is not known here. */
const FIRST_ATTEMPT: EpochHistory = { ...NO_HISTORY, attempts: 1 };

/** E1: a plan made ahead is run again as it is; of an open one nobody knows how far it was read, so it is cut anew. */
function retryAfterCrash(plan: Plan, graphHash: string): Retry {
  const history = { ...NO_HISTORY, replans: 1 };
  if (plan.graphHash !== graphHash) return { plan, ranges: null, skip: [], reason: 'the job graph changed', history };
  if (!isPlannedAhead(plan) || plan.splits.length === 0)
    return {
      plan,
      ranges: null,
      skip: plan.skip,
      reason: 'the coordinator was replaced while an open epoch ran',
      history,
    };
  return { plan, ranges: rangesOf(plan), skip: plan.skip, reason: null, history: NO_HISTORY };
}

const isOverdue = (base: Base, { fold }: Session): boolean =>
  fold?.where !== 'outside' && foldNeed(stateOf(base), fold) === 'overdue';
