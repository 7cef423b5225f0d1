/** What follows a commit: publish, then finish, stop, restore, fold, or go on (E5). */
import { invariant } from '../model/errors.ts';
import { afterPublication } from './after-publication.ts';
import { changeHead, headIs } from './head-moves.ts';
import { foldKey, foldTag } from './item-keys.ts';
import type { FoldRecord } from './records.ts';
import { writerOf } from './states.ts';
import { to, type Handlers } from './transitions.ts';
import { restored } from './take-over.ts';

export const afterCommit: Handlers<'publishing' | 'folding' | 'recording'> = {
  publishing(state, _event, machine) {
    const { held, manifest } = state;
    const { head } = held;
    invariant(headIs(head, 'committed'), 'only a committed epoch is published');
    if (state.next === 'restore' && machine.request !== 'cancel') {
      const target = restored(machine.session, head, manifest.committedAt);
      return to({ kind: 'swapping', expected: held.version, target, after: { kind: 'stamping' } });
    }
    return to(afterPublication(machine, { version: held.version, head }, manifest, machine.session.minPauseMs));
  },

  folding(state, event, machine) {
    const { held, base } = state;
    const { head } = held;
    const record: FoldRecord = { format: 1, run: head.run, epoch: head.epoch, base: event.base };
    return to({
      kind: 'recording',
      held,
      base,
      record,
      key: foldKey(foldTag(head.epoch, head.generation, writerOf(machine.session))),
    });
  },

  recording(state, _event, machine) {
    const { held, key, record } = state;
    // Conditional: the head still is the one whose log was folded. Its objects and record are all written (E6: nothing dangles).
    const base = { manifest: state.base.manifest, folded: record };
    const after = { kind: 'preparing', base, retry: null, pauseMs: machine.session.minPauseMs } as const;
    return to({ kind: 'swapping', expected: held.version, target: changeHead(held.head, { folded: key }), after });
  },
};
