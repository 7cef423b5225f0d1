/** Lets timers, signals and other work in, but not more often than it is worth: a turn of the event loop every BREATHE_MS. */
import type { Clock } from '../ports/clock.ts';

const BREATHE_MS = 15;
const NOW = Promise.resolve();

export function breather(clock: Clock): () => Promise<void> {
  let last = clock.monotonicMs();
  return () => {
    if (clock.monotonicMs() - last < BREATHE_MS) return NOW;
    return clock.sleep(0).then(() => {
      last = clock.monotonicMs();
    });
  };
}
