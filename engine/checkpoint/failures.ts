/**
 * What a failure leads to. A known poison record is skipped by a re-plan that costs no restart (it makes progress, and their number
 * is bounded); everything else is up to the restart strategy, whose decision is an event; a publication whose target is away is
 * waited for beyond its budget, as the epoch is committed (E5). Any effect may be performed again, so
 * a retry enters the state that failed; only an attempt is planned again, under a new generation (E1).
 */
import { MAX_SKIPPED_RECORDS } from '../model/limits.ts';
import { isPlannedAhead, rangesOf, stateOf } from './build-plan.ts';
import { CUT_AFTER_FAILURES, rowLimit } from './effects.ts';
import type { Events } from './events.ts';
import { foldNeed } from './fold-policy.ts';
import type { Ending, Held, Machine, Resumable, Retry, StateKind, States, Work } from './states.ts';
import { note, to, type Handlers, type Move } from './transitions.ts';
import { release, windDown } from './winding-down.ts';

/** Text of the notice. */
export const PUBLICATION_WAITS = 'a committed epoch could not be published; the job pauses, and tries again';

type Failed = Events['failed'];
type AfterFailure = 'deciding' | 'preparing' | 'swapping' | 'ended' | 'settling';

export function onFailure(machine: Machine, event: Failed): Move<AfterFailure> {
  const { state } = machine;
  switch (state.kind) {
    case 'ended':
      return to(state);
    case 'running':
    case 'idling':
      return attemptFailed(machine, state.held, state.work, event);
    case 'waiting':
      return decide({ kind: 'reading', since: state.since }, event);
    case 'deciding':
      return giveUp(state.resume, event.reason);
    case 'swapping':
      // E3: a write that failed in any way may have landed.
      return event.retryable
        ? to({ ...state, kind: 'settling' })
        : to({ kind: 'ended', ending: { kind: 'failed', reason: event.reason } });
    case 'folding':
    case 'recording': {
      const committed = stateOf(state.base);
      if (!event.retryable || foldNeed(committed, machine.session.fold) === 'overdue') return decide(state, event);
      const next: States['preparing'] = {
        kind: 'preparing',
        held: state.held,
        base: state.base,
        retry: null,
        pauseMs: machine.session.minPauseMs,
      };
      return to(
        next,
        note('folding failed; the log grows until it succeeds', { why: event.reason, segments: committed.log.length }),
      );
    }
    default:
      return decide(state, event);
  }
}

export const deciding: Handlers<'deciding'> = {
  deciding(state, event, machine) {
    if (event.kind === 'give-up') return giveUp(state.resume, event.reason);
    const { resume } = state;
    const between =
      resume.kind === 'preparing' ||
      resume.kind === 'planning' ||
      resume.kind === 'folding' ||
      resume.kind === 'recording';
    if (between && machine.request !== 'none') return to(windDown(machine, resume.held));
    return to(resume);
  },
};

function decide(resume: Resumable, event: Failed): Move<'deciding' | 'swapping' | 'ended'> {
  if (!event.retryable) return giveUp(resume, event.reason);
  const text = resume.kind === 'publishing' ? PUBLICATION_WAITS : 'failed; the restart strategy decides';
  return to({ kind: 'deciding', resume, reason: event.reason }, note(text, { while: resume.kind, why: event.reason }));
}

/** The lease goes, the phase stays: a later run continues. */
function giveUp(resume: Resumable, reason: string): Move<'swapping' | 'ended'> {
  const ending: Ending = { kind: 'failed', reason };
  return to('held' in resume ? release(resume.held, ending) : { kind: 'ended', ending });
}

function attemptFailed(machine: Machine, held: Held, work: Work, event: Failed): Move<AfterFailure> {
  const again = (retry: Retry): States['preparing'] => ({
    kind: 'preparing',
    held,
    base: work.base,
    retry,
    pauseMs: 0,
  });
  const { plan, history } = work;
  // E1: the same ranges, if anyone knows them.
  const ranges =
    event.ranges?.map(({ id, to: end, state }) => ({
      id,
      to: end,
      ends: state.ended,
      paused: state.paused ?? false,
    })) ?? (isPlannedAhead(plan) && plan.splits.length > 0 ? rangesOf(plan) : null);
  const { poison } = event;
  if (poison !== null && machine.session.poison === 'dead-letter') {
    const known = plan.skip.some(
      (s) => s.split === poison.split && s.position === poison.position && s.operator === poison.operator,
    );
    if (!known) {
      const next = again({
        plan,
        ranges,
        skip: [...plan.skip, poison],
        reason: `record at ${poison.split}:${poison.position} made "${poison.operator}" fail: ${poison.error}`,
        history: { ...history, replans: history.replans + 1 },
      });
      if (plan.skip.length < MAX_SKIPPED_RECORDS) return to(next, note('sent a record to the dead letters', poison));
      return giveUp(next, `${plan.skip.length} records of one epoch made user code fail; the last: ${event.reason}`);
    }
  }
  const failures = history.failures + 1;
  const smaller = failures >= CUT_AFTER_FAILURES;
  const reason = smaller
    ? `failed ${failures} times; cut smaller, at most ${rowLimit(failures)} rows`
    : ranges === null
      ? 'how far the failed attempt had read is not known'
      : null;
  const replans = history.replans + (reason === null ? 0 : 1);
  const retry: Retry = {
    plan,
    ranges: smaller ? null : ranges,
    skip: plan.skip,
    reason,
    history: { ...history, failures, replans },
  };
  return decide(again(retry), event);
}

/** E4: stop; whatever this coordinator has staged or written is harmless. */
export function onFenced(machine: Machine, { by, session }: Events['fenced']): Move<StateKind> {
  return to(
    machine.state.kind === 'ended' ? machine.state : { kind: 'ended', ending: { kind: 'fenced', by, session } },
  );
}
