/** The machine's clock. `sleep` ends early, without an error, when its signal is aborted: the caller looks at the signal. */
import { wallTimeMs, type WallTimeMs } from '../model/ids.ts';
import type { Clock } from '../ports/clock.ts';

/** A longer timer of Node's fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  nowMs(): WallTimeMs {
    return wallTimeMs(Date.now());
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(ms: number, run: () => void): () => void {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      timer = setTimeout(() => (left > LONGEST_MS ? arm(left - LONGEST_MS) : run()), Math.min(left, LONGEST_MS));
    };
    arm(ms);
    return () => clearTimeout(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      if (ms <= 0) {
        setImmediate(resolve);
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
