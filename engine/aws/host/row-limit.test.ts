import { expect, test } from 'vitest';
import { nextRowLimit } from './row-limit.ts';

test('epochs that never end get smaller until they do, and larger again afterwards', () => {
  const limits: (number | null)[] = [null];
  for (const [epochs, outOfTime] of [
    [0, true],
    [0, true],
    [0, false],
    [3, true],
    [3, false],
  ] as const)
    limits.push(nextRowLimit(limits.at(-1)!, epochs, outOfTime).limit);
  expect(limits).toEqual([null, 1_000, 100, 100, 200, 400]);
  expect(nextRowLimit(64_000, 1, false).limit).toBeNull();
  expect(nextRowLimit(null, 1, false).limit).toBeNull();
});

test('a record that takes longer than a function may fails the job', () => {
  let limit: number | null = null;
  for (let i = 0; i < 4; i++) {
    const next = nextRowLimit(limit, 0, true);
    expect(next.tooSlow).toBeNull();
    ({ limit } = next);
  }
  expect(limit).toBe(1);
  const { tooSlow } = nextRowLimit(limit, 0, true);
  expect(tooSlow).toMatchObject({ status: 'failed', error: { code: 'config' } });
  expect(tooSlow!.error!.message).toContain('timeoutSeconds');
});
