/** What follows when the committed epoch of the head stands in every sink: the job's end, a fold, or the next epoch (E5). */
import { foldNeed } from './fold-policy.ts';
import { moveHead, type HeadIn } from './head-moves.ts';
import type { Manifest } from './records.ts';
import type { Machine, States } from './states.ts';
import { last, windDown } from './winding-down.ts';

export interface PublishedEpoch {
  readonly version: number;
  readonly head: HeadIn<'committed'>;
}

export function afterPublication(
  machine: Machine,
  held: PublishedEpoch,
  manifest: Manifest,
  pauseMs: number,
): States['swapping' | 'preparing'] {
  const { head, version } = held;
  if (machine.request === 'cancel') return windDown(machine, held);
  if (manifest.ended) return last(held, moveHead(head, { kind: 'finished' }, { lease: null }), { kind: 'finished' });
  if (machine.request === 'stop') return windDown(machine, held);
  const base = { manifest, folded: null };
  const { fold } = machine.session;
  const published = moveHead(head, { kind: 'published' }, {});
  if (fold?.where !== 'outside' && foldNeed(manifest.state, fold) !== 'none')
    return { kind: 'swapping', expected: version, target: published, after: { kind: 'folding', base } };
  const after = { kind: 'preparing', base, retry: null, pauseMs } as const;
  if (pauseMs > 0) return { kind: 'swapping', expected: version, target: published, after };
  // The plan of the next epoch will say that this one is published: one write less.
  return { ...after, held };
}
