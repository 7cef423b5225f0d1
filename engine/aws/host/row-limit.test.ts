import { expect, test } from 'vitest';
import { fewerRows, moreRows } from './row-limit.ts';

test('epochs that never end get smaller until they do, and larger again afterwards', () => {
  const limits: (number | null)[] = [null];
  for (const next of [fewerRows, fewerRows, fewerRows, moreRows, moreRows]) limits.push(next(limits.at(-1)!, null));
  expect(limits).toEqual([null, 1_000, 100, 10, 20, 40]);
  expect(moreRows(64_000)).toBeNull();
  expect(moreRows(null)).toBeNull();
});

test('what is known to have been read is cut by a part of it', () => {
  expect(fewerRows(null, 2_000_000)).toBe(500_000);
  expect(fewerRows(1_000, 2_000_000)).toBe(250);
  expect(fewerRows(1_000, 40)).toBe(10);
  expect(fewerRows(null, 3)).toBe(1);
});

test('a record that takes longer than a function may cannot be cut', () => {
  let limit: number | null = null;
  for (let i = 0; i < 4; i++) limit = fewerRows(limit, null);
  expect(limit).toBe(1);
  expect(fewerRows(limit, null)).toBeNull();
  expect(fewerRows(null, 1)).toBeNull();
});
