/**
 * Rows per second of wall time: what a throttled source may hand out now. Rows not handed out are not saved up beyond a tenth of a second, so
 * that a pause is not followed by a burst.
 */
import type { Clock } from '../ports/clock.ts';

/** A reader waits this long at most for a row to become due; then it answers 'empty'. */
const MAX_WAIT_MS = 50;
const BURST_SECONDS = 0.1;

export class RowRate {
  readonly #perMs: number;
  readonly #burst: number;
  #due = 1;
  #lastMs: number | null = null;

  constructor(rowsPerSecond: number) {
    this.#perMs = rowsPerSecond / 1000;
    this.#burst = Math.max(1, rowsPerSecond * BURST_SECONDS);
  }

  /** How many of `wanted` rows may be handed out now; waits a little when there is none. The caller says `used` for those it took. */
  async allowed(wanted: number, clock: Clock): Promise<number> {
    this.#refill(clock);
    if (this.#due < 1) {
      await clock.sleep(Math.min(MAX_WAIT_MS, Math.max(1, Math.ceil((1 - this.#due) / this.#perMs))));
      this.#refill(clock);
    }
    return Math.min(wanted, Math.floor(this.#due));
  }

  used(rows: number): void {
    this.#due -= rows;
  }

  #refill(clock: Clock): void {
    const now = clock.monotonicMs();
    if (this.#lastMs !== null) this.#due = Math.min(this.#burst, this.#due + (now - this.#lastMs) * this.#perMs);
    this.#lastMs = now;
  }
}
