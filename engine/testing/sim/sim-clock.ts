/** A process's clock: simulated time, off by the process's skew and by whatever jumps its wall clock has made. */
import { wallTimeMs, type WallTimeMs } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import { EPOCH_START_MS } from './script.ts';
import type { Caller } from './sim-process.ts';

export class SimClock implements Clock {
  readonly caller: Caller;
  readonly #skewMs: () => number;

  constructor(caller: Caller, skewMs: () => number = () => 0) {
    this.caller = caller;
    this.#skewMs = skewMs;
  }

  nowMs(): WallTimeMs {
    return wallTimeMs(EPOCH_START_MS + this.caller.world.queue.now + this.#skewMs());
  }

  monotonicMs(): number {
    return this.caller.world.queue.now;
  }

  after(ms: number, run: () => void): () => void {
    const taken = new AbortController();
    void this.sleep(ms, taken.signal).then(() => {
      if (!taken.signal.aborted) run();
    });
    return () => taken.abort();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.caller.sleep(ms, signal);
  }
}
