/**
 * The lease between two paced epochs stays, where the same execution goes on after a short wait: a claim and a release less for every epoch. What
 * would release it is not done; the next invocation resumes the session. Who comes in between finds the job held, until the owner's deadline.
 */
import type { Effect } from '../../checkpoint/effects.ts';
import type { Machine } from '../../checkpoint/states.ts';
import type { JobRunSettings } from './invocation.ts';
import { PACED_FROM_MS } from './epoch-pace.ts';

/** Longer waits are not kept: nobody could have the job meanwhile, if its execution died. */
const MOST_KEPT_MS = 60_000;
/** Of the machine, and of the next invocation until its plan renews the lease. */
const SLACK_MS = 20_000;

type Pace = Pick<JobRunSettings, 'epochMs' | 'minPauseMs'>;

/** Beyond the invocation's own deadline, the lease's owner keeps the job so long; 0: no lease is kept. */
export function keptMs({ epochMs, minPauseMs }: Pace): number {
  // An epoch may have begun an interval early: the next one is due in two.
  const waitMs = 2 * epochMs + minPauseMs;
  return epochMs < PACED_FROM_MS || waitMs > MOST_KEPT_MS ? 0 : waitMs + SLACK_MS;
}

/** Is the wait covered by what the owner keeps the job? */
export const isCovered = (waitSeconds: number, pace: Pace): boolean => waitSeconds * 1000 <= keptMs(pace) - SLACK_MS;

/** The last write of a session that was stopped. */
export function releases(effect: Effect, { state }: Machine): boolean {
  if (effect.kind !== 'cas' || state.kind !== 'swapping') return false;
  return state.after.kind === 'ended' && state.after.ending.kind === 'stopped';
}
