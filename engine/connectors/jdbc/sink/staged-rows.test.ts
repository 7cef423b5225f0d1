import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvariantError } from '../../../model/errors.ts';
import type { WireValue } from '../wire-value.ts';
import { readStagedRows, StagedRows, type StagedHeader, type StagedRow } from './staged-rows.ts';

const HEADER: StagedHeader = { format: 1, kind: 'table', table: 't', columns: ['a', 'b'], key: ['a'], mode: 'upsert' };
const value = fc.oneof(
  fc.constant<WireValue>(null),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
);
const row = fc.record<StagedRow>({
  change: fc.constantFrom('write', 'delete'),
  values: fc.tuple(value, value),
});

function stage(staged: StagedRows, { change, values }: StagedRow): void {
  staged.beginRow(change);
  for (const one of values) staged.add(one);
}

test('what is staged is read again; rows that were cancelled never were', () => {
  const staged = new StagedRows(HEADER);
  fc.assert(
    fc.property(fc.array(fc.tuple(row, fc.boolean()), { maxLength: 60 }), (rows) => {
      for (const [one, cancelled] of rows) {
        stage(staged, one);
        if (cancelled) staged.cancelRow();
        else staged.endRow();
      }
      const kept = rows.filter(([, cancelled]) => !cancelled).map(([one]) => one);
      const { chunks, records } = staged.take();
      expect(records).toBe(kept.length);
      expect(staged.bytes).toBe(0);
      expect(chunks).toHaveLength(kept.length === 0 ? 0 : 1);
      if (chunks.length > 0) expect(readStagedRows(chunks[0]!)).toEqual({ header: HEADER, rows: kept });
    }),
  );
});

test('a row that is cancelled before it began takes no other with it', () => {
  const staged = new StagedRows(HEADER);
  const kept: StagedRow = { change: 'write', values: ['a', 'b'] };
  staged.cancelRow();
  stage(staged, kept);
  staged.endRow();
  staged.cancelRow();
  expect(readStagedRows(staged.take().chunks[0]!).rows).toEqual([kept]);
});

test('a chunk that ends inside a row, and one of a later format, are not read', () => {
  const staged = new StagedRows(HEADER);
  stage(staged, { change: 'write', values: ['abc', 'defg'] });
  staged.endRow();
  const [chunk] = staged.take().chunks;
  expect(() => readStagedRows(chunk!.subarray(0, -2))).toThrow(InvariantError);
  const later = new StagedRows({ ...HEADER, format: 2 } as unknown as StagedHeader);
  stage(later, { change: 'write', values: [null, null] });
  later.endRow();
  expect(() => readStagedRows(later.take().chunks[0]!)).toThrow(/format 2/);
});
