/**
 * A clock for one epoch at a time. The coordinator pauses between two epochs, and while there is nothing to do; then it sleeps with a
 * signal, and here that sleep lasts until `step`. Sleeps within an epoch take no time. The wall clock is where the test put it.
 */
import { wallTimeMs, type WallTimeMs } from '../model/ids.ts';
import type { Clock } from '../ports/clock.ts';

export class SteppedClock implements Clock {
  wallMs: number;
  #elapsedMs = 0;
  #wake: (() => void) | null = null;
  #paused: (() => void) | null = null;

  constructor(wallMs: number) {
    this.wallMs = wallMs;
  }

  nowMs(): WallTimeMs {
    return wallTimeMs(this.wallMs);
  }
  monotonicMs(): number {
    return this.#elapsedMs;
  }
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#elapsedMs += ms;
    if (signal === undefined || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#paused?.();
    });
  }

  /** Ends the pause, if there is one; settles when the next one begins. */
  step(): Promise<void> {
    return new Promise((resolve) => {
      this.#paused = resolve;
      this.#wake?.();
      this.#wake = null;
    });
  }

  /** Whoever sleeps never wakes: its process has died. */
  abandon(): void {
    this.#wake = null;
  }
}
