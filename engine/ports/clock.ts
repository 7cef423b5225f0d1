import type { WallTimeMs } from '../model/ids.ts';

export interface Clock {
  /** Wall clock: what a plan records as processing time. */
  nowMs(): WallTimeMs;
  /** Milliseconds from an arbitrary start, never backwards: for durations and leases. */
  monotonicMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
