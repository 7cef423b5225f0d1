/** A clock that moves only when somebody sleeps, and then at once: what a job does takes no time, and runs are repeatable. */
import { wallTimeMs, type WallTimeMs } from '../model/ids.ts';
import type { Clock } from '../ports/clock.ts';

export class InstantClock implements Clock {
  #ms: number;
  constructor(startMs = 1_700_000_000_000) {
    this.#ms = startMs;
  }
  nowMs(): WallTimeMs {
    return wallTimeMs(this.#ms);
  }
  monotonicMs(): number {
    return this.#ms;
  }
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  }
  async sleep(ms: number): Promise<void> {
    this.#ms += ms;
  }
  /** Lets time pass between two epochs. */
  advance(ms: number): void {
    this.#ms += ms;
  }
}
