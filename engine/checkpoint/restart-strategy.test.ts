import { expect, test } from 'vitest';
import { exponentialDelay, failureRate, fixedDelay, none, type RestartStrategy } from '../model/restart-strategy.ts';
import { decideRestart, NO_FAILURES } from './restart-strategy.ts';

/** Delays (or 'fail') for failures at the given times. */
function delays(strategy: RestartStrategy, times: readonly number[]): (number | 'fail')[] {
  let history = NO_FAILURES;
  return times.map((now) => {
    const decided = decideRestart(strategy, history, now);
    history = decided.history;
    return decided.decision.kind === 'fail' ? 'fail' : decided.decision.delayMs;
  });
}

test('none fails at once', () => expect(delays(none(), [0])).toEqual(['fail']));
test('fixedDelay allows so many restarts', () => expect(delays(fixedDelay(2, 7), [0, 1, 2])).toEqual([7, 7, 'fail']));
test('exponentialDelay grows to its bound', () => {
  expect(delays(exponentialDelay(), [0, 1, 2, 3])).toEqual([1000, 1500, 2250, 3375]);
  expect(
    delays(
      exponentialDelay(),
      Array.from({ length: 20 }, (_, i) => i),
    ).at(-1),
  ).toBe(60_000);
});
test('exponentialDelay starts anew after an hour and the backoff without failure', () => {
  expect(delays(exponentialDelay(), [0, 10, 10 + 3_600_000 + 1499, 10 + 2 * 3_600_000 + 1499 + 2250])).toEqual([
    1000, 1500, 2250, 1000,
  ]);
});
test('exponentialDelay may bound the failures in a row', () =>
  expect(delays(exponentialDelay({ attemptsBeforeReset: 2 }), [0, 1, 2])).toEqual([1000, 1500, 'fail']));
test('failureRate counts failures within its interval', () => {
  expect(delays(failureRate(2, 100, 5), [0, 50, 101, 151])).toEqual([5, 5, 5, 5]);
  expect(delays(failureRate(2, 100, 5), [0, 50, 100])).toEqual([5, 5, 'fail']);
});
