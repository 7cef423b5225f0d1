/** From what came of an invocation to what the coordinator answers. */
import { readHead, readManifest, readReachable } from '../../runtime/job-records.ts';
import type { JobCommand } from '../../runtime/job-commands.ts';
import type { Manifest } from '../../checkpoint/records.ts';
import type { Base } from '../../checkpoint/states.ts';
import type { Suspended } from '../../runtime/drive-job.ts';
import type { JobOutcome } from '../../runtime/job-options.ts';
import type { Carry } from './carry.ts';
import { verdictOf, type CoordinatorAnswer, type Verdict } from './coordinator-answer.ts';
import { OF_THE_REST } from './coordinator-event.ts';
import { PACED_FROM_MS, pacedWait } from './epoch-pace.ts';
import type { Order } from './hand-out.ts';
import type { EndReason } from './invocation-end.ts';
import { parseOwner } from './invocation-lease.ts';
import { nextWakeMs } from './next-wake.ts';
import type { Invocation } from './invocation.ts';
import { mapItems } from './tasks.ts';

export interface Invoked {
  readonly outcome: JobOutcome | Suspended;
  readonly epochs: number;
  readonly reason: EndReason | null;
  readonly order: Order | null;
  /** Why the job fails: a single row takes longer than a function may; null: none does. */
  readonly tooSlow: string | null;
  /** The last epoch, by the wall clock; null: none was run. */
  readonly beganAtMs: number | null;
  /** First timer in processing time that the last epoch left; undefined: none was run, and the manifest says it. */
  readonly nextTimerMs: number | null | undefined;
  /** The lease stays until the next paced epoch: what was published last. */
  readonly kept: Manifest | null;
  readonly carry: Carry;
}

/** Told with the answer: a machine takes a wait without work and without an error for an epoch that is not due. */
const RESTARTS = { code: 'retryable', message: 'an attempt has failed, and waits for its restart' } as const;
/** Before something that was away is tried again. */
const AWAY_WAIT_MS = 5_000;
/** A wait in whole seconds may be over too early by half of one, and clocks differ. */
const EARLY_MS = 1_000;

export async function answerTo(invocation: Invocation, invoked: Invoked): Promise<CoordinatorAnswer> {
  const { graph, store, clock, event } = invocation;
  const { outcome, epochs, order, carry } = invoked;
  if (invoked.kept !== null) return keptAnswer(invocation, invoked, invoked.kept);
  const found = await readHead(store, graph.job);
  const common = { job: graph.job, epoch: found?.head.epoch ?? 0, epochs };
  if (outcome.kind === 'suspended' && order !== null) {
    const items = order.status === 'stage' ? mapItems(order.tasks) : { tasks: order.tasks, tree: false };
    return { ...common, ...items, status: order.status, nextWakeMs: 0, waitSeconds: 0, carry, error: null };
  }
  if (outcome.kind === 'suspended') {
    const { waitMs } = outcome;
    const waitSeconds = Math.ceil(waitMs / 1000);
    return {
      ...common,
      tasks: [],
      tree: false,
      status: 'continue',
      nextWakeMs: waitMs,
      waitSeconds,
      carry,
      error: RESTARTS,
    };
  }
  const verdict = verdictFor(outcome, invoked);
  const none = { tasks: [], tree: false, error: verdict.error };
  const nowMs = clock.nowMs();
  const { status, error } = verdict;
  if (status === 'continue' && error === null && invoked.reason === 'paced' && invoked.beganAtMs !== null) {
    const { waitSeconds, dueMs } = pacedWait(paceOf(invocation.settings), invoked.beganAtMs, carry.dueMs, nowMs);
    const nextMs = Math.round(Math.max(0, dueMs - nowMs));
    return { ...common, ...none, nextWakeMs: nextMs, ...waiting(invocation, waitSeconds, carry, dueMs) };
  }
  const wakeMs = async (): Promise<number> => {
    if (found === null) return event.tickMs;
    if (status === 'idle')
      return nextWakeMs(graph, lastSeen((await readReachable(store, found.head)).base, invoked), nowMs, event.tickMs);
    if (status === 'busy') return Math.min(event.tickMs, leaseLeftMs(found.head.lease?.owner, nowMs));
    return status === 'continue' && error !== null ? AWAY_WAIT_MS : 0;
  };
  const nextMs = await wakeMs();
  const waitSeconds = Math.ceil(nextMs / 1000);
  return { ...common, ...none, status, nextWakeMs: Math.round(nextMs), waitSeconds, carry: { ...carry, dueMs: null } };
}

/**
 * A paced job whose last epoch has just been: whoever ran it waits for the rest of the interval, and this invocation, of another execution, has
 * nothing to do. Null: there is something to do. After an epoch that had nothing, or since a command, nobody waits.
 */
export async function notDue(invocation: Invocation, command: JobCommand | null): Promise<CoordinatorAnswer | null> {
  const { graph, store, clock, settings, event } = invocation;
  const { carry } = event;
  const obeys = command !== null && command.kind !== 'start';
  if (settings.epochMs < PACED_FROM_MS || carry.drive !== null || carry.dueMs !== null || obeys) return null;
  const found = await readHead(store, graph.job);
  if (found === null || found.head.phase.kind !== 'published') return null;
  const { manifest: key, clock: beganMs, lease, epoch } = found.head;
  const nowMs = clock.nowMs();
  // A clock that was ahead has planned it: nobody waits until the others have come there.
  const isAhead = beganMs > nowMs + EARLY_MS;
  if (key === null || lease !== null || isAhead || nowMs >= beganMs + settings.epochMs - EARLY_MS) return null;
  const manifest = await readManifest(store, graph.job, key);
  if (manifest.clock !== beganMs || (command !== null && command.givenAtMs >= beganMs)) return null;
  const { waitSeconds, dueMs } = pacedWait(paceOf(invocation.settings), beganMs, null, nowMs);
  return {
    ...{ job: graph.job, epoch, epochs: 0, tasks: [], tree: false, error: null },
    nextWakeMs: dueMs - nowMs,
    ...waiting(invocation, waitSeconds, carry, dueMs),
  };
}

function keptAnswer(
  { graph, settings, clock }: Invocation,
  { epochs, beganAtMs, carry }: Invoked,
  { epoch, clock: plannedMs }: Manifest,
): CoordinatorAnswer {
  const nowMs = clock.nowMs();
  const { waitSeconds, dueMs } = pacedWait(paceOf(settings), beganAtMs ?? plannedMs, carry.dueMs, nowMs);
  const nextWakeMs = Math.round(Math.max(0, dueMs - nowMs));
  const none = { tasks: [], tree: false, error: null };
  return {
    ...{ job: graph.job, epoch, epochs, ...none },
    ...{ status: 'continue', waitSeconds, nextWakeMs, carry: { ...carry, dueMs } },
  };
}

export const paceOf = ({
  epochMs,
  minPauseMs,
}: Invocation['settings']): { readonly intervalMs: number; readonly minPauseMs: number } => ({
  intervalMs: epochMs,
  minPauseMs,
});

/** For what the execution has left. */
export const isTooLong = (waitSeconds: number, { secondsLeft }: Invocation['event']): boolean =>
  waitSeconds > secondsLeft * OF_THE_REST;

/** A wait that the execution has no time for is a tick's: nobody who is called before it is over runs an epoch (`notDue`). */
function waiting(
  { event }: Invocation,
  waitSeconds: number,
  carry: Carry,
  dueMs: number,
): Pick<CoordinatorAnswer, 'status' | 'waitSeconds' | 'carry'> {
  const isLong = isTooLong(waitSeconds, event);
  return { status: isLong ? 'idle' : 'continue', waitSeconds, carry: { ...carry, dueMs: isLong ? null : dueMs } };
}

function verdictFor(outcome: JobOutcome, { reason, tooSlow }: Invoked): Verdict {
  if (tooSlow !== null) return { status: 'failed', error: { code: 'config', message: tooSlow } };
  return verdictOf(outcome, reason);
}

/** At least a second: somebody works on the job. */
function leaseLeftMs(owner: string | undefined, nowMs: number): number {
  const other = owner === undefined ? null : parseOwner(owner);
  return other === null ? Infinity : Math.max(1_000, other.deadlineMs - nowMs);
}

/** An idle epoch commits nothing, but has looked: the manifest's first timer may be earlier than any that is there (a table's hints). */
function lastSeen({ manifest }: Base, { nextTimerMs }: Invoked): Manifest | null {
  if (manifest === null || nextTimerMs === undefined) return manifest;
  return { ...manifest, nextTimers: { ...manifest.nextTimers, processingTime: nextTimerMs } };
}
