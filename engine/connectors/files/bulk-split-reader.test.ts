import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import type { BulkFormat } from '../../formats/bulk-format.ts';
import { wallTimeMs } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import { BulkSplitReader } from './bulk-split-reader.ts';
import type { FileReading } from './file-split-reader.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-bulk-'));
afterAll(() => rmSync(dir, { recursive: true }));

let nowMs = 0;
const clock: Clock = {
  nowMs: () => wallTimeMs(0),
  monotonicMs: () => nowMs,
  sleep: async () => undefined,
  after: () => () => undefined,
};
const bounded: FileReading = { clock, watchMs: null, rate: null };

/** Rows [first, end) in blocks of these sizes; every fifth row does not decode. `reads` counts. */
function format(first: number, sizes: readonly number[], reads = { n: 0 }): BulkFormat<number> {
  const ends = sizes.map((_, i) => first + sizes.slice(0, i + 1).reduce((a, b) => a + b, 0));
  return {
    name: 'test',
    open: async () => ({
      firstRow: first,
      endRow: ends.at(-1) ?? first,
      read: async (at) => {
        reads.n++;
        const i = ends.findIndex((end) => at < end);
        return {
          firstRow: ends[i]! - sizes[i]!,
          endRow: ends[i]!,
          row: (row) => {
            if (row % 5 === 4) throw new Error(`bad ${row}`);
            return row;
          },
          raw: (row) => `raw ${row}`,
        };
      },
    }),
  };
}

const whole = { path: join(dir, 'file'), from: 0, to: Infinity };

it('hands out each row once, from any position, in any batches and ranges', () =>
  fc.assert(
    fc.asyncProperty(
      fc.nat(20),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }),
      fc.nat(60),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.option(fc.integer({ min: 1, max: 11 }))), { minLength: 1 }),
      async (first, sizes, skip, asks) => {
        const end = first + sizes.reduce((a, b) => a + b, 0);
        const start = Math.min(first + skip, end);
        const reader = await BulkSplitReader.open(format(first, sizes), whole, skip === 0 ? 0 : start, bounded);
        expect(reader.endPosition()).toBe(end);
        const seen: number[] = [];
        let at = start;
        for (let i = 0; at < end; i++) {
          const [maxRows, ahead] = asks[i % asks.length]!;
          const to = ahead === null ? null : at + ahead;
          const batch = await reader.fill(maxRows, to);
          if (typeof batch === 'string') throw new Error(`${batch} at ${at}`);
          expect(batch.n + batch.bad.length).toBeLessThanOrEqual(Math.min(maxRows, ahead ?? Infinity));
          seen.push(...(batch.values as number[]), ...batch.bad.map(({ position }) => position));
          for (let row = 0; row < batch.n; row++) expect(batch.rawOf(row)).toBe(`raw ${batch.positionOf(row)}`);
          for (const bad of batch.bad)
            expect(bad).toMatchObject({ raw: `raw ${bad.position}`, error: `bad ${bad.position}` });
          at = batch.endPosition;
        }
        expect(await reader.fill(1, null)).toBe('end');
        expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: end - start }, (_, i) => start + i));
      },
    ),
  ));

it('reads a block once, also where a planned range ends inside it', async () => {
  const reads = { n: 0 };
  const reader = await BulkSplitReader.open(format(0, [10, 10], reads), whole, 0, bounded);
  for (let at = 0; at < 20; at += 2) {
    await reader.fill(5, at + 2);
    expect(await reader.fill(5, at + 2)).toBe('end');
  }
  expect(reads.n).toBe(2);
});

it('is not the end of time while a folder is watched, until the file is removed', async () => {
  writeFileSync(whole.path, '');
  nowMs = 0;
  const reader = await BulkSplitReader.open(format(0, [2]), whole, 2, { ...bounded, watchMs: 100 });
  expect(reader.fill(5, null)).toBe('empty');
  rmSync(whole.path);
  expect(reader.fill(5, null)).toBe('empty');
  nowMs = 100;
  expect(reader.fill(5, null)).toBe('end');
});

it('refuses a file that has become shorter', async () => {
  await expect(BulkSplitReader.open(format(0, [2]), whole, 3, bounded)).rejects.toMatchObject({ code: 'retryable' });
});
