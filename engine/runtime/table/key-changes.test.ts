/** Against applying every change in turn; a record may be of any epoch in between. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyHash, keyText } from '../../state/key-bytes.ts';
import {
  DUE,
  entryAddress,
  packKeyRecord,
  unpackKeyRecord,
  type KeyEntries,
  type StoredDue,
} from '../../state/key-record.ts';
import { SegmentWriter } from '../../state/segment.ts';
import { KeyChanges } from './key-changes.ts';

const GROUPS = 4;
interface Change {
  readonly name: string;
  readonly sub: unknown;
  /** Null: removed. */
  readonly value: unknown;
}

const change: fc.Arbitrary<Change> = fc.record({
  name: fc.constantFrom('map:m', 'value:v'),
  sub: fc.constantFrom<unknown>(null, 'x', 'y', 0, [1, 'z']),
  value: fc.constantFrom<unknown>(null, null, 1, -0, 'text', { deep: [1] }),
});
const due: fc.Arbitrary<Change> = fc
  .constantFrom<StoredDue | null>(null, [5, null], [null, 7])
  .map((value) => ({ name: DUE, sub: null, value }));
const epochs = fc.array(fc.array(fc.oneof({ weight: 5, arbitrary: change }, due), { maxLength: 5 }), {
  minLength: 1,
  maxLength: 6,
});

function segment(changes: readonly Change[]): Uint8Array | null {
  const writer = new SegmentWriter(GROUPS);
  for (const { name, sub, value } of changes) {
    if (value === null) writer.remove(keyHash('k') % GROUPS, 'k', name, sub);
    else writer.put(keyHash('k') % GROUPS, 'k', name, sub, value);
  }
  return writer.finish();
}

function applied(entries: KeyEntries, changes: readonly Change[]): void {
  for (const { name, sub, value } of changes) {
    if (value === null) entries.delete(entryAddress(name, sub));
    else entries.set(entryAddress(name, sub), { name, sub, value });
  }
}

test('a record of any epoch, brought up to date, is what all changes in turn make of it, in the same order', () => {
  fc.assert(
    fc.property(epochs, fc.nat(6), fc.nat(6), fc.boolean(), (log, folded, base, isLate) => {
      const changes = new KeyChanges([0, GROUPS], GROUPS);
      const whole: KeyEntries = new Map();
      const record: KeyEntries = new Map();
      for (const [i, part] of log.entries()) {
        const bytes = segment(part);
        const isLast = i + 1 === log.length;
        if (bytes !== null) changes.add(bytes, isLast && isLate ? Infinity : i + 1, 'a segment');
        applied(whole, part);
        if (i < folded) applied(record, part);
      }
      changes.name(log.length);
      changes.dropUntil(Math.min(base, folded));
      const epoch = Math.min(folded, log.length);
      const stored = unpackKeyRecord(packKeyRecord('k', record), 'k').entries;
      expect([...stored]).toEqual([...record]);
      changes.applyTo(keyText('k'), stored, epoch);
      expect([...stored.values()]).toEqual([...whole.values()]);
      // What was handed out is the caller's.
      for (const { value } of stored.values()) if (typeof value === 'object') (value as { deep?: unknown }).deep = 2;
      const again: KeyEntries = new Map(record);
      changes.applyTo(keyText('k'), again, epoch);
      expect([...again.values()]).toEqual([...whole.values()]);
    }),
    { numRuns: 500 },
  );
});

test('when a key is due is known from the last change of it', () => {
  const changes = new KeyChanges([0, GROUPS], GROUPS);
  expect(changes.dueOf(keyText('k'))).toBeUndefined();
  changes.add(segment([{ name: DUE, sub: null, value: [5, null] }])!, 1, 'a');
  expect(changes.dueOf(keyText('k'))).toEqual([5, null]);
  changes.add(segment([{ name: DUE, sub: null, value: null }])!, 2, 'b');
  expect([...changes.changedDues()]).toEqual([[keyText('k'), [null, null]]]);
  changes.dropUntil(1);
  expect(changes.dueOf(keyText('k'))).toEqual([null, null]);
  changes.dropUntil(2);
  expect(changes.dueOf(keyText('k'))).toBeUndefined();
  expect(changes.has(keyText('k'))).toBe(false);
});
