/** Laws of folding, against a table that takes one change after the other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WireValue } from '../wire-value.ts';
import { foldChanges, type ChangeGroup } from './fold-changes.ts';
import type { StagedRow } from './staged-rows.ts';

const part = fc.constantFrom<WireValue>('a', 'A', '', '1', '1:', ':', 'b');
const changes = fc.array(
  fc.record<StagedRow>({
    change: fc.constantFrom('write', 'delete'),
    values: fc.tuple(part, fc.constantFrom<WireValue>('x', 'y', null), part),
  }),
  { maxLength: 40 },
);
const KEY = [0, 2];

/** `equal`: what the database holds for one key. */
function applied(rows: readonly StagedRow[], equal: (text: string) => string): ReadonlyMap<string, WireValue> {
  const table = new Map<string, WireValue>();
  for (const { change, values } of rows) {
    const key = JSON.stringify(KEY.map((at) => equal(values[at] as string)));
    if (change === 'delete') table.delete(key);
    else table.set(key, values[1]!);
  }
  return table;
}

const inOrder = (groups: readonly ChangeGroup[]): StagedRow[] => groups.flatMap(({ rows }) => [...rows]);
const sorted = (table: ReadonlyMap<string, WireValue>): unknown[] =>
  [...table].toSorted(([a], [b]) => (a < b ? -1 : 1));

test('the folded changes leave the table as all of them would', () => {
  fc.assert(
    fc.property(changes, fc.boolean(), (rows, exact) => {
      const groups = foldChanges(rows, KEY, exact);
      const same = (text: string): string => text;
      expect(sorted(applied(inOrder(groups), same))).toEqual(sorted(applied(rows, same)));
    }),
  );
});

test('also where the database takes different texts for one key', () => {
  fc.assert(
    fc.property(changes, (rows) => {
      const loose = (text: string): string => text.toLowerCase();
      expect(sorted(applied(inOrder(foldChanges(rows, KEY, false)), loose))).toEqual(sorted(applied(rows, loose)));
    }),
  );
});

test('no key twice; exact keys make at most two groups, deletes first; a group has one kind of change', () => {
  fc.assert(
    fc.property(changes, fc.boolean(), (rows, exact) => {
      const groups = foldChanges(rows, KEY, exact);
      const keys = inOrder(groups).map(({ values }) => JSON.stringify(KEY.map((at) => values[at])));
      expect(new Set(keys).size).toBe(keys.length);
      for (const group of groups) expect(group.rows.every(({ change }) => change === group.change)).toBe(true);
      const kinds = groups.map(({ change }) => change);
      if (exact) expect(['', 'delete', 'write', 'delete,write']).toContain(kinds.join());
      else for (const [i, kind] of kinds.entries()) expect(kind).not.toBe(kinds[i + 1]);
    }),
  );
});
