import { describe, expect, it } from 'vitest';
import { SystemClock } from './system-clock.ts';

describe('SystemClock', () => {
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
});
