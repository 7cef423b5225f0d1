/** From a plan to a commit: prepare, plan, run, ack, seal. */
import { invariant } from '../model/errors.ts';
import type { WallTimeMs } from '../model/ids.ts';
import { buildManifest } from './build-manifest.ts';
import { buildPlan, extendPlan } from './build-plan.ts';
import { changeHead, headIs, moveHead } from './head-moves.ts';
import { manifestKey, planKey } from './item-keys.ts';
import type { Ack } from './records.ts';
import { NO_HISTORY, type Held, type Machine, type Retry, type States, type Work } from './states.ts';
import { note, to, type Handlers } from './transitions.ts';
import { windDown } from './winding-down.ts';

export const attempts: Handlers<'preparing' | 'planning' | 'running' | 'idling' | 'acking' | 'adopting' | 'sealing'> = {
  preparing(state, event, machine) {
    if (machine.request !== 'none') return to(windDown(machine, state.held));
    const { session } = machine;
    const { head } = state.held;
    const plan = buildPlan({ ...event, head, base: state.base, graphHash: session.graphHash, retry: state.retry });
    const before = state.retry?.history ?? NO_HISTORY;
    const work: Work = {
      base: state.base,
      plan,
      key: planKey(plan.epoch, plan.generation, session.id),
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
    // E1, E4: the plan is written; taking it takes a new generation.
    const target = moveHead<typeof head.phase.kind, 'running'>(
      head,
      { kind: 'running', plan: work.key },
      { generation: work.plan.generation, clock: work.plan.clock },
    );
    return to({ kind: 'swapping', expected: held.version, target, after: { kind: 'running', work } });
  },

  running(state, event, machine) {
    const { held, work } = state;
    if (machine.request === 'cancel') return to(windDown(machine, held));
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
    if (event.outcome === 'exists' && state.work.extended === true) return to(planAgain(state));
    // E2: the first ack wins; ours, or whoever else ran this plan.
    if (event.outcome === 'exists')
      return to({ kind: 'adopting', held: state.held, work: state.work, nowMs: state.nowMs });
    return to(seal(machine, state.held, state.work, state.ack, state.nowMs));
  },

  adopting(state, event, machine) {
    return to(seal(machine, state.held, state.work, event.ack, state.nowMs));
  },

  sealing(state) {
    const { held, manifest } = state;
    const { head } = held;
    invariant(headIs(head, 'running'), 'a commit goes from Running');
    invariant(
      head.generation === manifest.generation && head.epoch + 1 === manifest.epoch,
      'E3: a commit moves the head from its base to e under its own generation',
    );
    // E3: one conditional write commits everything the manifest names.
    const changes = { epoch: manifest.epoch, manifest: state.key, folded: null, clock: manifest.clock };
    const after = { kind: 'publishing', manifest, next: 'epoch', winner: state.winner } as const;
    return to({
      kind: 'swapping',
      expected: held.version,
      target: moveHead(head, { kind: 'committed' }, changes),
      after,
    });
  },
};

function planAgain({ held, work }: States['acking']): States['preparing'] {
  const history = { ...work.history, replans: work.history.replans + 1 };
  const reason = 'another attempt ran the plan as it was before it was extended';
  const retry: Retry = { plan: work.plan, ranges: null, skip: work.plan.skip, reason, history };
  return { kind: 'preparing', held, base: work.base, retry, pauseMs: 0 };
}

function seal(machine: Machine, held: Held, work: Work, ack: Ack, nowMs: WallTimeMs): States['sealing'] {
  const manifest = buildManifest(machine.session.job, work, ack, nowMs);
  return {
    kind: 'sealing',
    held,
    manifest,
    key: manifestKey(manifest.epoch, manifest.generation),
    winner: ack.attempt,
  };
}
