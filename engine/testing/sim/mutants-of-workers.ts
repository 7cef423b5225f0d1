/**
 * Guards of fanned-out epochs: whose splits, whose state, and that counts add up.
 *
 * Not here: that the copies of a subtask write under attempts of their own (E2). A copy that gets as far as writing has repeated all that
 * others built on, byte by byte, so in simulated jobs, whose functions are pure, both write the same; fan-out-epoch.test.ts sees
 * to the names.
 */
import type { Ack, Plan } from '../../checkpoint/records.ts';
import type { SubtaskPeer } from '../../runtime/fan-out/subtask-peer.ts';
import { replaced, type Mutant } from './mutant.ts';

/** What a worker holds in memory, by the tag of the state that it stands for. Private to it; only mutants reach in. */
interface Cache {
  tag: string | null;
  watermarks: string;
  tagOf(plan: Plan, state: Plan['state']): string;
}

const withCounts =
  (change: (counts: Record<string, number>) => void) =>
  (peer: SubtaskPeer): SubtaskPeer =>
    replaced(peer, {
      finish: async (attempt) => {
        const ack: Ack = await peer.finish(attempt);
        const counts = { ...ack.counts };
        change(counts);
        return { ...ack, counts };
      },
    });

export const workerMutants: readonly Mutant[] = [
  {
    name: 'worker-counts-lost',
    law: 'conservation',
    what: 'a worker does not count what its filters drop',
    peer: withCounts((counts) => delete counts['filtered']),
  },
  {
    name: 'worker-counts-late-as-out',
    law: 'conservation',
    what: 'a worker does not tell late rows from others',
    peer: withCounts((counts) => {
      delete counts['late'];
      delete counts['lateDropped'];
    }),
  },
  {
    name: 'worker-keeps-splits',
    law: 'E1',
    what: 'a worker goes on reading splits that have moved to another',
    peer: (peer) => {
      const own = new Set<string>();
      return replaced(peer, {
        begin: (plan, splits) => {
          for (const id of splits) own.add(id);
          return peer.begin(
            plan,
            plan.splits.filter(({ id }) => own.has(id)).map(({ id }) => id),
          );
        },
      });
    },
  },
  {
    name: 'worker-cache-stale',
    law: 'section 5',
    what: "a worker's memory is trusted whatever segments and key groups the plan gives it",
    peer: (peer) =>
      replaced(peer, {
        begin: (plan, splits) => {
          const cache = peer as unknown as Cache;
          if (cache.tag !== null) cache.tag = cache.tagOf(plan, plan.state);
          cache.watermarks = JSON.stringify(plan.watermarks);
          return peer.begin(plan, splits);
        },
      }),
  },
  {
    name: 'copy-stages-nothing',
    law: 'E2',
    what: 'what a worker that took a subtask over has staged is left out',
    peer: (peer, spare) =>
      spare ? replaced(peer, { finish: async (attempt) => ({ ...(await peer.finish(attempt)), staged: [] }) }) : peer,
  },
];
