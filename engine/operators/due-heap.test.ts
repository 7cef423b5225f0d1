/** Against a list that is searched; removals from anywhere in the heap. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareIds, KeyIndex } from '../state/key-index.ts';
import { DueHeap } from './due-heap.ts';

const GROUPS = 2;
const ops = fc.array(fc.tuple(fc.nat(40), fc.oneof({ weight: 2, arbitrary: fc.nat(30) }, fc.constant(Infinity))), {
  maxLength: 200,
  size: 'max',
});

test('the first of each group is the one with the earliest moment, then by key hash', () => {
  fc.assert(
    fc.property(ops, (sets) => {
      const keys = new KeyIndex(GROUPS);
      // Ids in another order than that of the moments' keys, beyond the first capacity.
      for (let i = 0; i < 1040; i++) keys.idOf(`key ${i}`);
      const heap = new DueHeap(keys, [0, GROUPS]);
      const due = new Map<number, number>();
      for (const [n, time] of sets) {
        const id = n * 25;
        heap.set(id, time);
        if (time === Infinity) due.delete(id);
        else due.set(id, time);
        expect(heap.timeOf(id)).toBe(time);
        for (let group = 0; group < GROUPS; group++) {
          const [first] = [...due]
            .filter(([other]) => keys.keyGroups[other] === group)
            .sort(([a, s], [b, t]) => s - t || compareIds(keys, a, b));
          expect(heap.next(group)).toBe(first?.[1] ?? Infinity);
          if (first !== undefined) expect(heap.top(group)).toBe(first[0]);
        }
      }
    }),
    { numRuns: 100 },
  );
});
