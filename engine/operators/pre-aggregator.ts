/**
 * Merging before the shuffle: the sender of rows for a keyed operator keeps one partial accumulator per key and window, and sends that
 * instead of the rows (ARCHITECTURE section 4).
 *
 * 1. Only rows that are on time on their own channel, and for a window that was still to fire when the epoch began, are taken: the merged
 *    watermark is behind each channel's, so they are on time at the receiver too. Every other row travels as it is.
 * 2. The receiver adds partials before the epoch's first row. Nobody can tell: a window shows its content when it fires, which is after
 *    all rows that were on time for it, and a partial neither fires anything nor moves a watermark.
 * 3. So the answer is that of the rows one by one, if merging is exact and its order does not show.
 */
import type { ExchangeBatch } from './exchange-batch.ts';

/** Partials that the sender's worker takes in itself. */
export interface OwnPartials {
  has(keyGroup: number): boolean;
  /** A batch with room for one more row. */
  room(): ExchangeBatch;
}

export interface PreAggregator {
  /** Row of the batch at which `take` threw. */
  readonly failedRow: number;
  /** A new epoch, in which the receiving stage stands at `watermark`. */
  begin(watermark: number): void;
  /**
   * Takes rows out of the batch and closes the gaps; the others keep their order. `keyField`: the string column of lazy rows that is the
   * key; null: keys are in `batch.keys`.
   */
  take(batch: ExchangeBatch, keyField: string | null): void;
  /** Partials that wait. */
  readonly size: number;
  /**
   * Hands out the partials as rows: `values` are accumulators, `ts` is the window's start. Batches are only good during the call. Those of
   * `own` key groups are put there instead.
   */
  drain(send: (batch: ExchangeBatch) => void, own?: OwnPartials | null): void;
  /** Forgets everything. */
  discard(): void;
}
