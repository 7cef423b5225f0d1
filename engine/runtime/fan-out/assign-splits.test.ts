import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PlannedSplit, SplitState } from '../../checkpoint/records.ts';
import { assignSplits, splitsOf, type Owners } from './assign-splits.ts';

const state = (ended: boolean): SplitState => ({ generators: {}, watermark: 0, idleSince: null, ended });
const split = (id: string, ended = false): PlannedSplit => ({ id, from: 0, to: null, state: state(ended) });

it('gives every split to one worker of its source, those that go on in even shares', () => {
  const splits = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(9999), fc.boolean()), { maxLength: 20 });
  const width = fc.integer({ min: 1, max: 5 });
  const step = fc.record({ a: width, b: width, splits });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
      let owners: Owners = new Map();
      for (const { a, b, splits: some } of steps) {
        const ids = new Map(some.map(([source, n, ended]) => [`${source}/${n}`, split(`${source}/${n}`, ended)]));
        const plan = { splits: [...ids.values()], subtasks: { a, b, k: 2 } };
        const workers = Math.max(a, b, 2);
        owners = assignSplits(plan, workers, owners);
        const shared = Array.from({ length: workers }, (_, i) => splitsOf(plan, i, owners));
        expect(shared.flat().sort()).toEqual([...ids.keys()].sort());
        for (const [source, most] of Object.entries({ a, b })) {
          const live = shared.map((part) =>
            part.filter((id) => id.startsWith(`${source}/`) && !ids.get(id)!.state!.ended),
          );
          const fair = Math.ceil(live.flat().length / most);
          live.forEach((part, i) => expect(part.length).toBeLessThanOrEqual(i < most ? fair : 0));
        }
      }
    }),
  );
});

it('leaves splits where they were, and moves no more than it must', () => {
  const plan = { splits: ['s/1', 's/2', 's/3', 's/4'].map((id) => split(id)), subtasks: { s: 2, k: 3 } };
  const first = assignSplits(plan, 3, new Map());
  expect([...first]).toEqual([
    ['s/1', 0],
    ['s/2', 1],
    ['s/3', 0],
    ['s/4', 1],
  ]);
  const more = { ...plan, splits: [split('s/0'), ...plan.splits] };
  expect(new Map([...assignSplits(more, 3, first)].filter(([id]) => id !== 's/0'))).toEqual(first);
  const one = { ...plan, splits: [split('s/1', true), split('s/2'), split('s/3', true), split('s/4')] };
  expect(assignSplits(one, 3, first).get('s/4')).toBe(0);
  expect(assignSplits(one, 3, first).get('s/2')).toBe(1);
});

it('spreads several sources of one split each', () => {
  const plan = { splits: [split('a/1'), split('b/1')], subtasks: { a: 2, b: 2 } };
  expect([...assignSplits(plan, 2, new Map()).values()]).toEqual([0, 1]);
});
