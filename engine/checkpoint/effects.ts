/**
 * What the epoch machine asks for. Each state has one effect that answers with one event; `committed` and `note` answer nothing.
 * Effects are data, taken when the state is entered: a paused coordinator that performs its effect late does what it meant then.
 */
import type { AttemptId } from '../model/ids.ts';
import { stateOf } from './build-plan.ts';
import { ackKey, foldTag, FUSED_STAGE } from './item-keys.ts';
import type { Ack, BaseRef, FoldRecord, Head, Manifest, Plan, SegmentRef } from './records.ts';
import { writerOf, type Machine, type StateKind, type States } from './states.ts';

export type Effect =
  | { readonly kind: 'read-head' }
  | { readonly kind: 'wait'; readonly ms: number; readonly owner: string }
  | { readonly kind: 'cas'; readonly expected: number; readonly target: Head }
  /** `claimed`: by this session just now; else it goes on with a head that it has held before. */
  | { readonly kind: 'load'; readonly head: Head; readonly claimed: boolean }
  | { readonly kind: 'prepare'; readonly pauseMs: number }
  | {
      readonly kind: 'write-item';
      readonly what: 'plan' | 'ack' | 'manifest' | 'fold';
      readonly key: string;
      readonly record: Plan | Ack | Manifest | FoldRecord;
    }
  | { readonly kind: 'read-ack'; readonly key: string }
  | { readonly kind: 'read-manifest'; readonly key: string }
  /** `key`: of the plan's item. `extended`: the plan is not what stands there any more. */
  | {
      readonly kind: 'run';
      readonly plan: Plan;
      readonly key: string;
      readonly extended: boolean;
      readonly rowLimit: number | null;
    }
  | { readonly kind: 'wait-for-input'; readonly head: Head }
  | { readonly kind: 'publish'; readonly manifest: Manifest }
  | { readonly kind: 'stamp'; readonly run: string; readonly epoch: number }
  | {
      readonly kind: 'fold';
      readonly base: BaseRef | null;
      readonly log: readonly SegmentRef[];
      readonly run: string;
      readonly tag: string;
    }
  /** `patient`: the epoch is committed, so a target that is away for long is waited for (E5). */
  | { readonly kind: 'decide'; readonly reason: string; readonly patient: boolean }
  /** No answer: the attempt's segments won. */
  | { readonly kind: 'committed'; readonly manifest: Manifest; readonly winner: AttemptId }
  /** No answer: for people. */
  | { readonly kind: 'note'; readonly text: string; readonly data: Readonly<Record<string, unknown>> };

/** After this many failures with the same ranges the epoch is cut smaller (E1). */
export const CUT_AFTER_FAILURES = 3;
const FIRST_SMALL_CUT_ROWS = 1000;

/** Rows an attempt may read; null: as many as the settings allow. 1,000 after three failures, then a tenth each time. */
export function rowLimit(failures: number): number | null {
  if (failures < CUT_AFTER_FAILURES) return null;
  return Math.max(1, Math.floor(FIRST_SMALL_CUT_ROWS / 10 ** (failures - CUT_AFTER_FAILURES)));
}

export const ackKeyOf = (plan: Plan): string => ackKey(plan.epoch, plan.generation, FUSED_STAGE, 0);

/** A waiter looks this often whether the head has changed. */
const WAIT_STEP_MS = 1000;

type EffectOf = { readonly [K in StateKind]: (state: States[K], machine: Machine) => Effect | null };

/** The one effect of each state. A new state without an effect does not compile. */
const EFFECTS: EffectOf = {
  reading: () => ({ kind: 'read-head' }),
  waiting: (s) => ({ kind: 'wait', ms: Math.min(s.ttlMs, WAIT_STEP_MS), owner: s.owner }),
  swapping: (s) => ({ kind: 'cas', expected: s.expected, target: s.target }),
  settling: () => ({ kind: 'read-head' }),
  resuming: () => ({ kind: 'read-head' }),
  loading: (s) => ({ kind: 'load', head: s.held.head, claimed: s.suspension === null }),
  preparing: (s) => ({ kind: 'prepare', pauseMs: s.pauseMs }),
  planning: (s) => ({ kind: 'write-item', what: 'plan', key: s.work.key, record: s.work.plan }),
  running: ({ work }) => ({
    kind: 'run',
    plan: work.plan,
    key: work.key,
    extended: work.extended === true,
    rowLimit: rowLimit(work.history.failures),
  }),
  idling: (s) => ({ kind: 'wait-for-input', head: s.held.head }),
  acking: (s) => ({
    kind: 'write-item',
    what: 'ack',
    key: ackKeyOf(s.work.plan),
    record: s.work.extended === true ? { ...s.ack, extended: true } : s.ack,
  }),
  adopting: (s) => ({ kind: 'read-ack', key: ackKeyOf(s.work.plan) }),
  sealing: (s) => ({ kind: 'write-item', what: 'manifest', key: s.key, record: s.manifest }),
  sealed: (s) => ({ kind: 'read-manifest', key: s.key }),
  publishing: (s) => ({ kind: 'publish', manifest: s.manifest }),
  stamping: (s) => ({ kind: 'stamp', run: s.held.head.run, epoch: s.held.head.epoch }),
  folding: (s, m) => {
    const { head } = s.held;
    const { base, log } = stateOf(s.base);
    return { kind: 'fold', base, log, run: head.run, tag: foldTag(head.epoch, head.generation, writerOf(m.session)) };
  },
  recording: (s) => ({ kind: 'write-item', what: 'fold', key: s.key, record: s.record }),
  deciding: (s) => ({ kind: 'decide', reason: s.reason, patient: s.resume.kind === 'publishing' }),
  ended: () => null,
};

/** The effect that `machine` waits for. */
export function effectOf(machine: Machine): Effect | null {
  const effect = EFFECTS[machine.state.kind] as (state: States[StateKind], machine: Machine) => Effect | null;
  return effect(machine.state, machine);
}
