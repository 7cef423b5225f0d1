import { expect, it } from 'vitest';
import { MAX_REISSUES, stragglers, type SubtaskTime } from './straggler-policy.ts';

const LIMITS = { factor: 3, floorMs: 100 };
const time = (subtask: number, tookMs: number, answered: boolean, more: Partial<SubtaskTime> = {}): SubtaskTime => ({
  subtask,
  tookMs,
  answered,
  copies: 1,
  reissues: 0,
  ...more,
});

it('re-issues what takes a multiple of the median longer, and says when to look again', () => {
  const done = [time(0, 40, true), time(1, 50, true), time(2, 60, true)];
  expect(stragglers([...done, time(3, 120, false)], LIMITS)).toEqual({ reissue: [], againMs: 31 });
  expect(stragglers([...done, time(3, 151, false)], LIMITS)).toEqual({ reissue: [3], againMs: null });
  expect(stragglers([...done, time(3, 151, false), time(4, 150, false)], LIMITS)).toEqual({ reissue: [3], againMs: 1 });
});

it('does nothing before the floor, however fast the others were', () => {
  expect(stragglers([time(0, 1, true), time(1, 99, false)], LIMITS)).toEqual({ reissue: [], againMs: 2 });
  expect(stragglers([time(0, 1, true), time(1, 101, false)], LIMITS)).toEqual({ reissue: [1], againMs: null });
});

it('has nothing to compare with until half have answered', () => {
  expect(stragglers([time(0, 1, true), time(1, 999, false), time(2, 999, false)], LIMITS)).toEqual({
    reissue: [],
    againMs: null,
  });
  expect(stragglers([time(0, 999, false)], LIMITS)).toEqual({ reissue: [], againMs: null });
});

it('lets two work at a subtask at most, and re-issues it so many times at most', () => {
  const done = [time(0, 1, true), time(1, 1, true)];
  expect(stragglers([...done, time(2, 999, false, { copies: 2, reissues: 1 })], LIMITS).reissue).toEqual([]);
  expect(stragglers([...done, time(2, 999, false, { reissues: MAX_REISSUES })], LIMITS).reissue).toEqual([]);
});
