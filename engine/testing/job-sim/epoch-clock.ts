/** A clock whose wall time is that of the epochs committed so far: runs of one cut see the same processing time, whatever befalls them. */
import { wallTimeMs, type WallTimeMs } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';

const START_MS = 1_700_000_000_000;

export class EpochClock implements Clock {
  epochs = 0;
  readonly #epochMs: number;
  #elapsedMs = 0;

  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }
  nowMs(): WallTimeMs {
    return wallTimeMs(START_MS + this.epochs * this.#epochMs);
  }
  monotonicMs(): number {
    return this.#elapsedMs;
  }
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  }
  async sleep(ms: number): Promise<void> {
    this.#elapsedMs += ms;
  }
}
