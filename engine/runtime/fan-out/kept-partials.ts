/**
 * Partials for key groups of the sender's own worker: they stay in its memory as they are, instead of travelling to it. A worker that takes
 * the subtask over reads the same rows again and so has its own.
 */
import { BATCH_ROWS } from '../../model/limits.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { OwnPartials } from '../../operators/pre-aggregator.ts';
import type { ShuffledChannel } from '../keyed-stage.ts';

/** Below every channel of rows. */
export const PARTIALS_RANK = -1;

class KeptBatch extends ExchangeBatch {
  readonly keyColumn = -1;
  readonly keyField = null;
}

export class KeptPartials implements OwnPartials {
  private readonly keyGroups: readonly [from: number, to: number];
  private batches: KeptBatch[] = [];

  constructor(keyGroups: readonly [from: number, to: number]) {
    this.keyGroups = keyGroups;
  }

  has(keyGroup: number): boolean {
    return keyGroup >= this.keyGroups[0] && keyGroup < this.keyGroups[1];
  }

  room(): ExchangeBatch {
    let last = this.batches.at(-1);
    if (last === undefined || last.n === last.capacity) this.batches.push((last = new KeptBatch(BATCH_ROWS)));
    return last;
  }

  /** What there is, as a channel of the receiver. */
  take(): ShuffledChannel {
    const { batches } = this;
    this.batches = [];
    let next = 0;
    return { rank: PARTIALS_RANK, bound: MIN_WATERMARK, next: () => batches[next++] ?? null };
  }

  discard(): void {
    this.batches = [];
  }
}
