/**
 * Who holds a lease that a Lambda invocation took: `lambda/<execution>/<request>/<deadline>`.
 *
 * Lambda ends an invocation at its deadline, so beyond it the owner is dead. Before it:
 *
 * | owner                               | is      | because                                                              |
 * |-------------------------------------|---------|----------------------------------------------------------------------|
 * | of another execution                | alive   | a second execution at once is refused; who is killed is retried by its own |
 * | an earlier invocation of this one   | unknown | killed, or only its answer was lost: the session is resumed, no lease asked |
 * | no invocation at all                | unknown | another host: the lease's time decides (E4)                          |
 *
 * A clock that is wrong fences an owner that still works, and loses nothing (E4).
 */
import type { JobOptions } from '../../runtime/job-options.ts';

export interface InvocationIdentity {
  /** Of the state machine; the request's own id where nobody executes one. */
  readonly execution: string;
  readonly request: string;
  readonly deadlineMs: number;
}

/** Between the clocks of two hosts. */
const CLOCK_SKEW_MS = 5_000;
const PREFIX = 'lambda';

export function invocationLease(me: InvocationIdentity, nowMs: () => number): JobOptions['lease'] {
  return {
    owner: [PREFIX, encodeURIComponent(me.execution), encodeURIComponent(me.request), me.deadlineMs].join('/'),
    isAlive(owner) {
      const other = parseOwner(owner);
      if (other === null) return 'unknown';
      if (nowMs() > other.deadlineMs + CLOCK_SKEW_MS) return 'dead';
      return other.execution === me.execution ? 'unknown' : 'alive';
    },
  };
}

/** Null: no Lambda invocation. */
export function parseOwner(owner: string): InvocationIdentity | null {
  const [prefix, execution, request, deadline, ...more] = owner.split('/');
  if (prefix !== PREFIX || execution === undefined || request === undefined || more.length > 0) return null;
  if (deadline === undefined || !/^\d+$/.test(deadline)) return null;
  return {
    execution: decodeURIComponent(execution),
    request: decodeURIComponent(request),
    deadlineMs: Number(deadline),
  };
}
