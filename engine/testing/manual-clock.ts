/**
 * A clock that stands still until a test moves it. `advance` wakes sleepers in the order of their deadlines (then of their
 * calls), each at its own time, and lets what they do run before the next one wakes.
 */
import { wallTimeMs, type WallTimeMs } from '../model/ids.ts';
import type { Clock } from '../ports/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export class ManualClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #wallOffsetMs = 0;
  #sleepers: Sleeper[] = [];

  constructor(startMs = 0) {
    this.#startMs = startMs;
  }

  nowMs(): WallTimeMs {
    return wallTimeMs(this.#startMs + this.#elapsedMs + this.#wallOffsetMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#elapsedMs + ms, wake };
      const later = this.#sleepers.findIndex((other) => other.at > sleeper.at);
      this.#sleepers.splice(later < 0 ? this.#sleepers.length : later, 0, sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  after(ms: number, run: () => void): () => void {
    const taken = new AbortController();
    void this.sleep(ms, taken.signal).then(() => {
      if (!taken.signal.aborted) run();
    });
    return () => taken.abort();
  }

  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms;
    for (let next = this.#sleepers[0]; next !== undefined && next.at <= until; next = this.#sleepers[0]) {
      this.#elapsedMs = next.at;
      next.wake();
      await settle();
    }
    this.#elapsedMs = until;
    await settle();
  }

  /** The wall clock jumps, as an operator or NTP may make it; durations do not notice. */
  jumpWallClock(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}

/** Lets every pending microtask run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
