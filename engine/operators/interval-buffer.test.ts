/** What is stored is what is held, however many rows come and go between two snapshots; and those that are gone are not held. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyIndex } from '../state/key-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { IntervalBuffer } from './interval-buffer.ts';

type Op =
  { readonly add: readonly [id: number, ts: number] } | { readonly dropUntil: readonly [id: number, ts: number] };
const at = fc.tuple(fc.nat(2), fc.nat(300));
const epochs = fc.array(
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: at }) },
      fc.record({ dropUntil: fc.tuple(fc.nat(2), fc.nat(200)) }),
    ) satisfies fc.Arbitrary<Op>,
    { maxLength: 300, size: 'max' },
  ),
  { maxLength: 4 },
);

function into(entries: Map<string, string>): StateWriter {
  const entry = (key: unknown, sub: unknown): string => JSON.stringify([key, sub]);
  return {
    put: (_group, key, _name, sub, value) => void entries.set(entry(key, sub), JSON.stringify(value)),
    remove(_group, key, _name, sub) {
      // An entry that was never written needs no removal.
      expect(entries.delete(entry(key, sub))).toBe(true);
    },
  };
}

test('the log adds up to what is held', () => {
  fc.assert(
    fc.property(epochs, (all) => {
      const keys = new KeyIndex(1);
      for (const key of ['a', 'b', 'c']) keys.idOf(key);
      const buffer = new IntervalBuffer('left', 'join', keys);
      const stored = new Map<string, string>();
      let row = 0;
      for (const ops of all) {
        for (const op of ops) {
          if ('add' in op) buffer.add(...op.add, { row: row++ });
          else buffer.dropUntil(...op.dropUntil);
        }
        buffer.snapshot(into(stored));
        const held = new Map<string, string>();
        buffer.dump(into(held));
        expect(stored).toEqual(held);
      }
    }),
    { numRuns: 100 },
  );
});

test('rows that are gone before the snapshot are let go', () => {
  const keys = new KeyIndex(1);
  const id = keys.idOf('a');
  const buffer = new IntervalBuffer('left', 'join', keys);
  for (let ts = 0; ts < 1000; ts++) {
    buffer.add(id, ts, { ts });
    buffer.dropUntil(id, ts - 10);
    expect(buffer.toWrite).toBeLessThan(100);
  }
});
