import { afterEach, describe, expect, it, vi } from 'vitest';
import { SystemClock } from './system-clock.ts';

describe('SystemClock', () => {
  afterEach(() => void vi.useRealTimers());

  it('sleeps, and stops sleeping without an error when its signal is aborted', async () => {
    const clock = new SystemClock();
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1000);
    const start = clock.monotonicMs();
    await clock.sleep(20);
    expect(clock.monotonicMs() - start).toBeGreaterThan(15);
    const stop = new AbortController();
    const slept = clock.sleep(60_000, stop.signal);
    stop.abort();
    await slept;
    await clock.sleep(60_000, stop.signal);
    expect(clock.monotonicMs() - start).toBeLessThan(10_000);
  });

  it('waits longer than the longest timer of Node, which fires at once', async () => {
    vi.useFakeTimers();
    const waitMs = 2 * (2 ** 31 - 1) + 10_000;
    const fired: string[] = [];
    const clock = new SystemClock();
    clock.after(waitMs, () => fired.push('kept'));
    const takeBack = clock.after(waitMs, () => fired.push('taken back'));
    await vi.advanceTimersByTimeAsync(waitMs - 1);
    expect(fired).toEqual([]);
    takeBack();
    await vi.advanceTimersByTimeAsync(1);
    expect(fired).toEqual(['kept']);
  });
});
