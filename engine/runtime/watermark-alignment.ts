/**
 * Watermark alignment (Flink: withWatermarkAlignment): a split that is more than the drift ahead of the slowest split of its group, over
 * all sources of the group, is not read further for now.
 *
 * It decides only how far an open epoch reads, which its commit records (E1): the answer is that of another cut (E7). Ranges that were
 * planned ahead are read whatever the drift. Splits that other workers read count with their watermark in the plan, which they have
 * passed since: a limit that is too low for the moment, and is raised by the next plan. Idle and ended splits hold nobody back, and
 * the slowest split is never held, so a group never comes to a stand by itself.
 */
import type { Plan, PlannedSplit } from '../checkpoint/records.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { WatermarkAlignmentParams } from '../time/watermark-strategy.ts';
import type { SourceTask } from './source-task.ts';
import { idleAt, type SplitTask } from './split-task.ts';

interface Group {
  readonly sources: SourceTask[];
  /** The slowest of the splits that other workers have; Infinity: none counts. */
  elsewhere: number;
  /** The slowest of all, at the last look. */
  slowest: number;
}

export class WatermarkAlignment {
  private readonly groups = new Map<string, Group>();

  constructor(sources: readonly SourceTask[], plan: Plan) {
    for (const source of sources) {
      if (source.alignment === null) continue;
      const group = this.group(source.alignment.group);
      group.sources.push(source);
      const here = new Set(source.splits.map((split) => split.id));
      for (const split of plan.splits)
        if (split.id.startsWith(`${source.uid}/`) && !here.has(split.id))
          group.elsewhere = Math.min(group.elsewhere, plannedWatermark(split, plan.clock, source.idlenessMs));
    }
  }

  /** Before each choice of a split: where the slowest of every group is now, and who is held. */
  look(): void {
    for (const group of this.groups.values()) {
      group.slowest = group.elsewhere;
      for (const source of group.sources)
        for (const split of source.splits)
          if (split.status !== 'ended' && !split.idle) group.slowest = Math.min(group.slowest, split.watermark);
      for (const source of group.sources)
        for (const split of source.splits)
          if (split.status === 'reading') split.paused = this.isAhead(source.alignment!, split);
    }
  }

  private isAhead({ group, maxDriftMs }: WatermarkAlignmentParams, split: SplitTask): boolean {
    return split.plan.to === null && split.watermark > this.group(group).slowest + maxDriftMs;
  }

  private group(name: string): Group {
    let group = this.groups.get(name);
    if (group === undefined) this.groups.set(name, (group = { sources: [], elsewhere: Infinity, slowest: Infinity }));
    return group;
  }
}

function plannedWatermark({ state }: PlannedSplit, clockMs: number, idlenessMs: number | null): number {
  if (state === null) return MIN_WATERMARK;
  if (state.ended || state.idle === true || idleAt(state.idleSince, clockMs, idlenessMs)) return Infinity;
  return state.watermark;
}
