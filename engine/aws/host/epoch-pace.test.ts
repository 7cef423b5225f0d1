import { expect, test } from 'vitest';
import { pacedWait } from './epoch-pace.ts';

/** Begins of epochs, each of which takes `tookMs` and begins `lateMs` after its wait is over. */
function begins(intervalMs: number, tookMs: number, lateMs: number, epochs: number): number[] {
  const begun: number[] = [];
  let nowMs = 1_000_300;
  let dueMs: number | null = null;
  for (let i = 0; i < epochs; i++) {
    begun.push(nowMs);
    const wait = pacedWait({ intervalMs, minPauseMs: 0 }, nowMs, dueMs, nowMs + tookMs);
    expect(wait.waitSeconds).toBeGreaterThanOrEqual(1);
    dueMs = wait.dueMs;
    nowMs += tookMs + wait.waitSeconds * 1000 + lateMs;
  }
  return begun;
}

test.each([
  [10_000, 0, 0],
  [10_000, 400, 90],
  [10_000, 1_490, 210],
  [3_500, 700, 130],
])('every %d ms on average, though an epoch takes %d ms and waits are whole seconds', (intervalMs, tookMs, lateMs) => {
  const begun = begins(intervalMs, tookMs, lateMs, 200);
  const average = (begun.at(-1)! - begun[0]!) / (begun.length - 1);
  expect(Math.abs(average - intervalMs)).toBeLessThan(intervalMs / 500);
});

test('late by more than an interval, the grid begins anew; the minimum pause is kept', () => {
  expect(pacedWait({ intervalMs: 10_000, minPauseMs: 0 }, 50_000, 20_000, 51_000)).toEqual({
    waitSeconds: 9,
    dueMs: 60_000,
  });
  expect(pacedWait({ intervalMs: 10_000, minPauseMs: 5_000 }, 50_000, 50_000, 58_000).waitSeconds).toBe(5);
  expect(pacedWait({ intervalMs: 10_000, minPauseMs: 0 }, 50_000, 50_000, 65_000).waitSeconds).toBe(1);
});
