/** The manifest of an epoch from its plan and the ack that won (E2, E3). */
import { sumConsumption, type Consumption } from '../model/consumption.ts';
import { invariant } from '../model/errors.ts';
import type { WallTimeMs } from '../model/ids.ts';
import { detailsOf } from './build-plan.ts';
import type { Ack, Counts, Manifest, Plan, ReadRange } from './records.ts';
import type { EpochHistory, Work } from './states.ts';
import { sumCounts } from './sum-counts.ts';

/** `consumed`: by the coordinator, since the last commit. */
export function buildManifest(
  job: string,
  work: Work,
  ack: Ack,
  committedAt: WallTimeMs,
  consumed?: Consumption,
): Manifest {
  const { plan, base, history } = work;
  const counts = withHistory(ack.counts, plan, history);
  const used = sumConsumption([ack.consumed, consumed]);
  return {
    format: 1,
    job,
    run: plan.run,
    epoch: plan.epoch,
    generation: plan.generation,
    clock: plan.clock,
    graphHash: plan.graphHash,
    base: plan.base,
    ranges: committedRanges(plan, ack),
    watermarks: ack.watermarks,
    state: { base: plan.state.base, log: [...plan.state.log, ...ack.segments] },
    staged: ack.staged,
    skipped: plan.skip,
    counts,
    totals: sumCounts([base.manifest?.totals ?? {}, counts]),
    nextTimers: ack.nextTimers,
    keys: ack.keys,
    attempts: history.attempts,
    committedAt,
    ended: ack.ended,
    ...(used === undefined ? {} : { consumed: used }),
  };
}

/** Ranges chain: each begins where the base ended. A split that the attempt left out stays where it was. */
function committedRanges(plan: Plan, ack: Ack): ReadRange[] {
  const read = new Map(ack.ranges.map((range) => [range.id, range]));
  const ranges: ReadRange[] = [];
  for (const split of plan.splits) {
    const range = read.get(split.id);
    if (range !== undefined) {
      invariant(
        range.from === split.from && range.to >= range.from,
        `E1: split ${split.id} was read from ${range.from} to ${range.to}, planned from ${split.from}`,
      );
      ranges.push(range);
      read.delete(split.id);
    } else if (split.state !== null) {
      ranges.push({ id: split.id, from: split.from, to: split.from, state: split.state, ...detailsOf(split) });
    }
  }
  invariant(read.size === 0, `E1: the attempt read splits that were not planned: ${[...read.keys()].join(', ')}`);
  return ranges;
}

/** Re-plans are counted and visible (E1). */
function withHistory(counts: Counts, plan: Plan, history: EpochHistory): Counts {
  const extra: Record<string, number> = {};
  if (history.replans > 0) extra['replans'] = history.replans;
  if (plan.skip.length > 0) extra['skipped'] = plan.skip.length;
  return sumCounts([counts, extra]);
}
