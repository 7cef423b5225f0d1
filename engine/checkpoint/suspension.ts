/**
 * What a session takes along when its driver returns before its end. The head says the rest: a driver that goes on reads it, and
 * begins again with what its phase asks for (take-over.ts).
 */
import { NO_HISTORY, type Machine, type Resumable, type Retry, type Suspension } from './states.ts';

/** Ranges of more splits than this are not taken along: how far the failed attempt had read is then not known any more. */
const MAX_SPLITS = 500;

export function suspensionOf({ session, state: now }: Machine): Suspension {
  const state: Machine['state'] | Resumable = now.kind === 'deciding' ? now.resume : now;
  const start = isToRestore(state) ? session.start : 'continue';
  const published = publishedOf(state);
  if (state.kind === 'preparing' && state.retry !== null) {
    // A retry is about the plan that the head has.
    const { phase } = state.held.head;
    const plan = phase.kind === 'running' ? phase.plan : null;
    return { session: session.id, start, plan, history: state.retry.history, retry: small(state.retry), published };
  }
  const work = 'work' in state ? state.work : null;
  return {
    session: session.id,
    start,
    plan: work?.key ?? null,
    history: work?.history ?? NO_HISTORY,
    retry: null,
    published,
  };
}

/** E5: a plan is prepared, and a head that is not Committed is written, only behind the publication of the epoch before. */
function publishedOf(state: Machine['state'] | Resumable): string | null {
  if (state.kind === 'preparing' || state.kind === 'planning') return state.held.head.manifest;
  if (state.kind !== 'swapping' && state.kind !== 'settling') return null;
  return state.target.phase.kind === 'committed' ? null : state.target.manifest;
}

/** Has a session that is to restore not come to it yet? (The run's id says so, too: what is carried may be old.) */
function isToRestore(now: Machine['state'] | Resumable): boolean {
  const state = now.kind === 'swapping' || now.kind === 'settling' ? now.after : now;
  switch (state.kind) {
    case 'reading':
    case 'waiting':
    case 'resuming':
    case 'loading':
    case 'stamping':
      return true;
    case 'publishing':
      return state.next === 'restore';
    default:
      return false;
  }
}

function small({ ranges, skip, reason }: Retry): NonNullable<Suspension['retry']> {
  if (ranges === null || ranges.length <= MAX_SPLITS) return { ranges, skip, reason };
  return { ranges: null, skip, reason: reason ?? 'how far the failed attempt had read is not known' };
}
