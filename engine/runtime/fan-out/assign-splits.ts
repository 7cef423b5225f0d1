/**
 * Which worker reads which split. A split stays where it was in the epoch before, so that its reader goes on, unless its worker has no part in
 * its source any more or has more than its share of those that have not ended. Pure; which worker it is changes no answer (E7a).
 */
import type { Plan } from '../../checkpoint/records.ts';

/** By split id, as the epoch before had it. */
export type Owners = ReadonlyMap<string, number>;

export function assignSplits(plan: Pick<Plan, 'splits' | 'subtasks'>, workers: number, before: Owners): Owners {
  const owners = new Map<string, number>();
  const loads: number[] = Array.from({ length: workers }, () => 0);
  for (const [uid, subtasks] of Object.entries(plan.subtasks)) {
    const width = Math.min(workers, subtasks);
    const splits = plan.splits.filter((split) => split.id.startsWith(`${uid}/`));
    const live = splits.filter((split) => split.state?.ended !== true);
    const share = Math.ceil(live.length / width);
    const own: number[] = Array.from({ length: width }, () => 0);
    const give = (id: string, worker: number): void => {
      owners.set(id, worker);
      own[worker]!++;
      loads[worker]!++;
    };
    for (const { id } of live) {
      const owner = before.get(id);
      if (owner !== undefined && owner < width && own[owner]! < share) give(id, owner);
    }
    for (const { id } of live) if (!owners.has(id)) give(id, leastLoaded(own, loads, share));
    for (const { id, state } of splits)
      if (state?.ended === true) owners.set(id, Math.min(before.get(id) ?? 0, width - 1));
  }
  return owners;
}

/** Of the workers that have less than their share of this source, the one that has least in all. */
function leastLoaded(own: readonly number[], loads: readonly number[], share: number): number {
  let best = -1;
  for (let i = 0; i < own.length; i++) if (own[i]! < share && (best < 0 || loads[i]! < loads[best]!)) best = i;
  return best;
}

export function splitsOf(plan: Pick<Plan, 'splits'>, worker: number, owners: Owners): string[] {
  return plan.splits.filter((split) => owners.get(split.id) === worker).map((split) => split.id);
}
