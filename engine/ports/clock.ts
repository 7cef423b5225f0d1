import type { WallTimeMs } from '../model/ids.ts';

export interface Clock {
  /** Wall clock: what a plan records as processing time. */
  nowMs(): WallTimeMs;
  /** Milliseconds from an arbitrary start, never backwards: for durations and leases. */
  monotonicMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` after `ms` in which others may answer; the answer takes it back. A clock that jumps waits for real here. */
  after(ms: number, run: () => void): () => void;
}
