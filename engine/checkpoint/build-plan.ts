/**
 * Plans (E1). A fresh plan is open: the attempt decides by time how far it reads, and its commit records it; nobody else has seen it.
 * After a failure the ranges are planned ahead: what the failed attempt read, at the same clock. What differs from the attempt
 * before is said in `replan`.
 */
import { wallTimeMs, type WallTimeMs, epoch } from '../model/ids.ts';
import type { OfferedSplit } from './events.ts';
import { nextGeneration } from './head-moves.ts';
import type { Ack, Head, Plan, PlannedSplit } from './records.ts';
import type { Base, RangeRead, Retry } from './states.ts';

export interface PlanInputs {
  readonly head: Head;
  readonly base: Base;
  readonly graphHash: string;
  readonly offers: readonly OfferedSplit[];
  readonly subtasks: Readonly<Record<string, number>>;
  readonly nowMs: WallTimeMs;
  readonly retry: Retry | null;
}

export function buildPlan(inputs: PlanInputs): Plan {
  const { head, base, retry } = inputs;
  const aheadOf = retry === null ? null : retry.ranges;
  return {
    format: 1,
    run: head.run,
    epoch: epoch(head.epoch + 1),
    generation: nextGeneration(head),
    // E1: the clock never goes back, and a retry of the same ranges runs at the same clock.
    clock: retry !== null && aheadOf !== null ? retry.plan.clock : wallTimeMs(Math.max(inputs.nowMs, head.clock)),
    graphHash: inputs.graphHash,
    base: head.manifest,
    splits:
      retry !== null && aheadOf !== null ? plannedAhead(retry.plan.splits, aheadOf) : openSplits(base, inputs.offers),
    skip: retry === null ? [] : retry.skip,
    subtasks: inputs.subtasks,
    state: stateOf(base),
    watermarks: base.manifest?.watermarks ?? {},
    replan: retry === null ? null : retry.reason,
  };
}

/** Committed state: what the manifest says, the log up to a fold's epoch replaced by the fold. */
export function stateOf({ manifest, folded }: Base): Plan['state'] {
  const { base, log } = manifest?.state ?? { base: null, log: [] };
  if (folded === null) return { base, log };
  return { base: folded.base, log: log.filter((segment) => segment.epoch > folded.epoch) };
}

/** Every split the job knows, ended ones included (so that they are never begun again), and the new ones. */
function openSplits(base: Base, offers: readonly OfferedSplit[]): PlannedSplit[] {
  const known = (base.manifest?.ranges ?? []).map((range): PlannedSplit => ({
    id: range.id,
    from: range.to,
    to: null,
    state: range.state,
    ...detailsOf(range),
  }));
  return withNewSplits(known, offers);
}

function withNewSplits(known: readonly PlannedSplit[], offers: readonly OfferedSplit[]): PlannedSplit[] {
  const ids = new Set(known.map((split) => split.id));
  const fresh = offers
    .filter((offer) => !ids.has(offer.id))
    .map((offer): PlannedSplit => ({
      id: offer.id,
      from: offer.startPosition,
      to: null,
      state: null,
      ...detailsOf(offer),
    }));
  if (fresh.length === 0) return [...known];
  return [...known, ...fresh].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

export function detailsOf({ details }: { readonly details?: string }): { readonly details?: string } {
  return details === undefined ? {} : { details };
}

/** E1: the ranges of the failed attempt. A split that it had not come to reads nothing this time. */
function plannedAhead(splits: readonly PlannedSplit[], ranges: NonNullable<Retry['ranges']>): PlannedSplit[] {
  const read = new Map(ranges.map((range) => [range.id, range]));
  return splits.map(({ ends: _ends, paused: _paused, ...split }) => {
    const range = read.get(split.id);
    return {
      ...split,
      to: range?.to ?? split.from,
      ...(range?.ends === true ? { ends: true } : {}),
      ...(range?.paused === true ? { paused: true } : {}),
    };
  });
}

/** Of a plan that was made ahead. */
export function rangesOf(plan: Plan): RangeRead[] {
  return plan.splits.map(({ id, from, to, ends, paused }) => ({
    id,
    to: to ?? from,
    ends: ends ?? false,
    paused: paused ?? false,
  }));
}

/** Were the plan's ranges fixed before it ran? */
export const isPlannedAhead = (plan: Plan): boolean => plan.splits.every((split) => split.to !== null);

/**
 * A plan after an idle attempt: a later clock, new splits, no bounds, and the splits' idleness as that attempt saw it. Positions
 * and the state to read stay. Nothing is written: an open plan's ranges and clock are settled by its commit (E1), and nobody else
 * has seen them. (Bounds go too: an idle attempt has come to the end of what was planned ahead.)
 */
export function extendPlan(
  plan: Plan,
  idle: Pick<Ack, 'ranges'>,
  offers: readonly OfferedSplit[],
  nowMs: WallTimeMs,
): Plan {
  const seen = new Map(idle.ranges.map((range) => [range.id, range.state]));
  const splits = plan.splits.map(({ paused: _, ...split }) => ({
    ...split,
    to: null,
    state: seen.get(split.id) ?? split.state,
  }));
  return { ...plan, clock: wallTimeMs(Math.max(nowMs, plan.clock)), splits: withNewSplits(splits, offers) };
}
