/** Ends a session by a last compare-and-set that releases the lease: stop, cancel, or failure. */
import { invariant } from '../model/errors.ts';
import { changeHead, headIs, moveHead } from './head-moves.ts';
import type { Ending, Held, Machine, States } from './states.ts';

/**
 * Stop or cancel, where nothing is half done: the head's epoch is published (a Committed head may stand here only after its
 * publication). What a cancelled or stopped epoch in work had staged is garbage (E2).
 */
export function windDown(machine: Machine, held: Held): States['swapping'] {
  const { head } = held;
  invariant(headIs(head, 'published', 'running', 'committed'), 'a job winds down between two epochs');
  if (machine.request === 'cancel') {
    const dropped = machine.session.onCancel === 'delete' ? { manifest: null, folded: null } : {};
    return last(held, moveHead(head, { kind: 'cancelled' }, { lease: null, ...dropped }), { kind: 'cancelled' });
  }
  return last(held, moveHead(head, { kind: 'published' }, { lease: null }), { kind: 'stopped' });
}

/** Failure: the phase stays, so that a later run continues where this one was (same plan, or publication). */
export function release(held: Held, ending: Ending): States['swapping'] {
  return last(held, changeHead(held.head, { lease: null }), ending);
}

export function last(held: Held, target: Held['head'], ending: Ending): States['swapping'] {
  return { kind: 'swapping', expected: held.version, target, after: { kind: 'ended', ending } };
}
