/** What follows a commit: publish, then finish, stop, restore, fold, or go on (E5). */
import { invariant } from '../model/errors.ts';
import { foldNeed } from './fold-policy.ts';
import { changeHead, headIs, moveHead } from './head-moves.ts';
import { foldKey, foldTag } from './item-keys.ts';
import type { FoldRecord } from './records.ts';
import { writerOf } from './states.ts';
import { to, type Handlers } from './transitions.ts';
import { restored } from './take-over.ts';
import { last, windDown } from './winding-down.ts';

export const afterCommit: Handlers<'publishing' | 'folding' | 'recording'> = {
  publishing(state, _event, machine) {
    const { held, manifest } = state;
    const { head } = held;
    invariant(headIs(head, 'committed'), 'only a committed epoch is published');
    if (machine.request === 'cancel') return to(windDown(machine, held));
    if (state.next === 'restore') {
      const target = restored(machine.session, head, manifest.committedAt);
      return to({ kind: 'swapping', expected: held.version, target, after: { kind: 'stamping' } });
    }
    if (manifest.ended)
      return to(last(held, moveHead(head, { kind: 'finished' }, { lease: null }), { kind: 'finished' }));
    if (machine.request === 'stop') return to(windDown(machine, held));
    const base = { manifest, folded: null };
    const pauseMs = machine.session.minPauseMs;
    const published = moveHead(head, { kind: 'published' }, {});
    const { fold } = machine.session;
    if (fold?.where !== 'outside' && foldNeed(manifest.state, fold) !== 'none')
      return to({ kind: 'swapping', expected: held.version, target: published, after: { kind: 'folding', base } });
    if (pauseMs > 0)
      return to({
        kind: 'swapping',
        expected: held.version,
        target: published,
        after: { kind: 'preparing', base, retry: null, pauseMs },
      });
    // The plan of the next epoch will say that this one is published: one write less.
    return to({ kind: 'preparing', held, base, retry: null, pauseMs: 0 });
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
