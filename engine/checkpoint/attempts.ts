/** From a plan to a commit: prepare, plan, run, ack, seal. */
import type { Consumption } from '../model/consumption.ts';
import { invariant } from '../model/errors.ts';
import type { AttemptId } from '../model/ids.ts';
import { buildManifest } from './build-manifest.ts';
import { adopted } from './adopt-fold.ts';
import { buildPlan, extendPlan, isPlannedAhead, rangesOf, stateOf } from './build-plan.ts';
import { foldNeed } from './fold-policy.ts';
import { changeHead, headIs, moveHead } from './head-moves.ts';
import { manifestKey, planKey } from './item-keys.ts';
import type { Ack, Manifest } from './records.ts';
import {
  NO_HISTORY,
  writerOf,
  type Base,
  type Held,
  type Machine,
  type Retry,
  type Session,
  type States,
  type Work,
} from './states.ts';
import { leaseOf } from './take-over.ts';
import { note, to, type Handlers } from './transitions.ts';
import { windDown } from './winding-down.ts';

type InWork = 'preparing' | 'planning' | 'running' | 'idling' | 'acking' | 'adopting' | 'sealing' | 'sealed';

export const attempts: Handlers<InWork> = {
  preparing(state, event, machine) {
    if (machine.request !== 'none') return to(windDown(machine, state.held));
    const { session } = machine;
    const { head } = state.held;
    const base = adopted(state.base, event.folded, head);
    if (state.retry === null && waitsForFold(base, session)) return to(foldFirst(state.held, base));
    const plan = buildPlan({ ...event, head, base, graphHash: session.graphHash, retry: state.retry });
    const before = state.retry?.history ?? NO_HISTORY;
    const work: Work = {
      base,
      plan,
      key: planKey(plan.epoch, plan.generation, writerOf(session)),
      history: { ...before, attempts: before.attempts + 1 },
    };
    const planning: States['planning'] = { kind: 'planning', held: state.held, work };
    return plan.replan === null
      ? to(planning)
      : to(
          planning,
          note('re-planned the epoch', { epoch: plan.epoch, generation: plan.generation, why: plan.replan }),
        );
  },

  planning(state, _event, machine) {
    if (machine.request !== 'none') return to(windDown(machine, state.held));
    const { held, work } = state;
    const { head } = held;
    // E5: a Committed head comes here only from its own publication; this write says Published(e) and Running(e + 1) at once.
    invariant(headIs(head, 'published', 'running', 'committed'), 'plan(e + 1) needs Published(e)');
    // E1, E4: the plan is written; taking it takes a new generation, and renews the lease for whoever drives the session now.
    const target = moveHead<typeof head.phase.kind, 'running'>(
      head,
      { kind: 'running', plan: work.key },
      { generation: work.plan.generation, clock: work.plan.clock, lease: leaseOf(machine.session) },
    );
    return to({ kind: 'swapping', expected: held.version, target, after: { kind: 'running', work } });
  },

  running(state, event, machine) {
    const { held, work } = state;
    if (machine.request === 'cancel') return to(windDown(machine, held));
    if (event.kind === 'declined')
      return to(machine.request === 'stop' ? windDown(machine, held) : planAgain(state, event.reason));
    if (!event.idle || event.ack.ended) return to({ kind: 'acking', held, work, ack: event.ack, nowMs: event.nowMs });
    if (machine.request === 'stop') return to(windDown(machine, held));
    return to({ kind: 'idling', held, work, seen: event.ack.ranges });
  },

  idling(state, event, machine) {
    const { held } = state;
    if (machine.request !== 'none') return to(windDown(machine, held));
    const plan = extendPlan(state.work.plan, { ranges: state.seen }, event.offers, event.nowMs);
    const work: Work = { ...state.work, plan, extended: true };
    if (event.lease === 'fresh') return to({ kind: 'running', held, work });
    // E4: the owner keeps its promise to change the head.
    return to({
      kind: 'swapping',
      expected: held.version,
      target: changeHead(held.head, { clock: plan.clock }),
      after: { kind: 'running', work },
    });
  },

  acking(state, event, machine) {
    // Another attempt ran the plan as it was written, at an older clock and perhaps without a split that appeared since. Its ack
    // cannot stand for the extended plan; under a new generation it is harmless (E4).
    if (event.outcome === 'exists' && state.work.extended === true) return to(planAgain(state, RAN_AS_IT_WAS));
    // E2: the first ack wins; ours, or whoever else ran this plan.
    if (event.outcome === 'exists')
      return to({ kind: 'adopting', held: state.held, work: state.work, nowMs: state.nowMs });
    return to(seal(machine, state, state.ack, event.consumed));
  },

  adopting(state, event, machine) {
    // Likewise the other way round: its clock and splits are known to another driver of this session alone.
    if (event.ack.extended === true) return to(planAgain(state, RAN_AS_EXTENDED));
    return to(seal(machine, state, event.ack, event.consumed));
  },

  sealing(state, event) {
    const { held, manifest, key, winner } = state;
    if (event.outcome === 'exists') return to({ kind: 'sealed', held, key, winner });
    return to(commit(held, key, manifest, winner));
  },

  sealed({ held, key, winner }, event) {
    return to(commit(held, key, event.manifest, winner));
  },
};

/** Nobody outside has folded in time. (Inline, folding comes before preparing.) */
const waitsForFold = (base: Base, { fold }: Session): boolean =>
  fold?.where === 'outside' && foldNeed(stateOf(base), fold) === 'overdue';

function foldFirst(held: Held, base: Base): States['folding' | 'swapping'] {
  const { head } = held;
  if (!headIs(head, 'committed')) return { kind: 'folding', held, base };
  // Of its own publication, as in planning.
  const target = moveHead(head, { kind: 'published' }, {});
  return { kind: 'swapping', expected: held.version, target, after: { kind: 'folding', base } };
}

const RAN_AS_IT_WAS = 'another attempt ran the plan as it was before it was extended';
const RAN_AS_EXTENDED = 'another attempt ran the plan as it had extended it';

/** E3: one conditional write commits everything the manifest names. */
function commit(held: Held, key: string, manifest: Manifest, winner: AttemptId): States['swapping'] {
  const { head } = held;
  invariant(headIs(head, 'running'), 'a commit goes from Running');
  invariant(
    head.generation === manifest.generation && head.epoch + 1 === manifest.epoch,
    'E3: a commit moves the head from its base to e under its own generation',
  );
  const changes = { epoch: manifest.epoch, manifest: key, folded: null, clock: manifest.clock };
  const after = { kind: 'publishing', manifest, next: 'epoch', winner } as const;
  return { kind: 'swapping', expected: held.version, target: moveHead(head, { kind: 'committed' }, changes), after };
}

/** E1: ranges that were planned ahead stay. */
function planAgain({ held, work }: { readonly held: Held; readonly work: Work }, reason: string): States['preparing'] {
  const { plan } = work;
  const history = { ...work.history, replans: work.history.replans + 1 };
  const ranges = isPlannedAhead(plan) && plan.splits.length > 0 ? rangesOf(plan) : null;
  const retry: Retry = { plan, ranges, skip: plan.skip, reason, history };
  return { kind: 'preparing', held, base: work.base, retry, pauseMs: 0 };
}

function seal(
  machine: Machine,
  { held, work, nowMs }: States['acking' | 'adopting'],
  ack: Ack,
  consumed: Consumption | undefined,
): States['sealing'] {
  const manifest = buildManifest(machine.session.job, work, ack, nowMs, consumed);
  return {
    kind: 'sealing',
    held,
    manifest,
    key: manifestKey(manifest.epoch, manifest.generation),
    winner: ack.attempt,
  };
}
