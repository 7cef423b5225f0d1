/** Whether somebody works on a job: what its head and the last command say. */
import type { Lease } from '../../checkpoint/records.ts';
import type { StateStore } from '../../ports/state-store.ts';
import { lastCommand } from '../../runtime/job-commands.ts';
import { readHead } from '../../runtime/job-records.ts';
import { parseOwner } from './invocation-lease.ts';

/**
 * `asleep`: nobody has its lease. An execution may wait for its next epoch all the same, if that wait is long: the head does not say so. Another
 * one that is started finds that out, and ends (infra/job-machine.ts).
 */
export type Wakefulness = 'asleep' | 'awake' | 'stopped' | 'ended';

export async function wakefulnessOf(store: StateStore, job: string, nowMs: number): Promise<Wakefulness> {
  const [found, command] = await Promise.all([readHead(store, job), lastCommand(store, job)]);
  const phase = found?.head.phase.kind;
  if (phase === 'finished' || phase === 'cancelled') return 'ended';
  if (command?.kind === 'stop') return 'stopped';
  return isHeld(found?.head.lease ?? null, nowMs) ? 'awake' : 'asleep';
}

/** Past its deadline an invocation is dead. Of other hosts only the lease's time tells, which whoever takes it measures. */
function isHeld(lease: Lease | null, nowMs: number): boolean {
  const owner = lease === null ? null : parseOwner(lease.owner);
  return owner === null ? lease !== null : nowMs <= owner.deadlineMs;
}
