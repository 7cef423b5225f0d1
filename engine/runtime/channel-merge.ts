/**
 * Merges the channels of a keyed subtask: always the row with the smallest (watermark before, channel rank, position), so that skew
 * between splits, and a large backlog read in one go, create no late records (ARCHITECTURE section 3).
 *
 * The answer depends only on the rows and the channels' final watermarks, not on when rows arrive (E7a): a row is taken only when
 * no channel can still bring a smaller one. Rows behind the watermark of a channel that has ended for this epoch are capped by it.
 */
import { MAX_WATERMARK } from '../model/watermark.ts';
import type { ExchangeBatch } from '../operators/exchange-batch.ts';

interface Channel {
  readonly rank: number;
  /** No later row of this channel has a smaller watermark before it. */
  bound: number;
  open: boolean;
  readonly queue: ExchangeBatch[];
  /** Next row of queue[0]. */
  at: number;
}

/** Rows [from, to) of a batch. */
export interface MergedRun {
  readonly batch: ExchangeBatch;
  readonly from: number;
  readonly to: number;
  readonly cap: number;
}

export type TakeRows = (batch: ExchangeBatch, from: number, to: number, cap: number) => void;

export class ChannelMerge {
  /** Rows that wait. */
  waiting = 0;
  private readonly channels = new Map<number, Channel>();
  private cap = MAX_WATERMARK;
  private take: TakeRows;
  private release: (batch: ExchangeBatch) => void;

  /** `release` gets each batch back when all its rows have been taken. */
  constructor(take: TakeRows, release: (batch: ExchangeBatch) => void) {
    this.take = take;
    this.release = release;
  }

  /** A new epoch with these channels, none of which has sent anything. `cap`: what is known of its final watermark. */
  begin(channels: readonly { readonly rank: number; readonly bound: number }[], cap: number = MAX_WATERMARK): void {
    this.channels.clear();
    this.cap = cap;
    for (const { rank, bound } of channels) this.channels.set(rank, { rank, bound, open: true, queue: [], at: 0 });
  }

  /** Rows of a channel, in order. The batch belongs to the merge until it is released. */
  push(rank: number, batch: ExchangeBatch, bound: number): void {
    const channel = this.channels.get(rank)!;
    channel.bound = bound;
    if (batch.n === 0) {
      this.release(batch);
      return;
    }
    channel.queue.push(batch);
    this.waiting += batch.n;
  }

  /** The channel sends no more rows in this epoch; its watermark is `watermark`, or it is idle and counts for nothing (null). */
  close(rank: number, watermark: number | null): void {
    const channel = this.channels.get(rank)!;
    channel.open = false;
    if (watermark !== null && watermark < this.cap) this.cap = watermark;
  }

  /** Takes every row that nothing can precede any more. */
  drain(): void {
    for (;;) {
      const first = this.first(null);
      if (first === null || first.queue.length === 0) return;
      this.takeRun(first, this.first(first));
    }
  }

  /** Everything that `drain` would take, in order. The batches are the caller's until it gives them back. */
  collect(): { readonly runs: readonly MergedRun[]; readonly batches: readonly ExchangeBatch[] } {
    const { take, release } = this;
    const runs: MergedRun[] = [];
    const batches: ExchangeBatch[] = [];
    this.take = (batch, from, to, cap) => runs.push({ batch, from, to, cap });
    this.release = (batch) => batches.push(batch);
    this.drain();
    this.take = take;
    this.release = release;
    return { runs, batches };
  }

  /** The channel with the smallest next row or, while it is open, the smallest bound; null when there is none left. */
  private first(except: Channel | null): Channel | null {
    let best: Channel | null = null;
    let bestTime = 0;
    for (const channel of this.channels.values()) {
      if (channel === except || (channel.queue.length === 0 && !channel.open)) continue;
      const time = next(channel);
      if (best === null || time < bestTime || (time === bestTime && channel.rank < best.rank)) {
        best = channel;
        bestTime = time;
      }
    }
    return best;
  }

  private takeRun(channel: Channel, other: Channel | null): void {
    const batch = channel.queue[0]!;
    const { wm, n } = batch;
    let to = n;
    if (other !== null) {
      const limit = next(other);
      const wins = channel.rank < other.rank;
      to = channel.at;
      while (to < n && (wm[to]! < limit || (wins && wm[to] === limit))) to++;
    }
    const from = channel.at;
    this.waiting -= to - from;
    channel.at = to;
    this.take(batch, from, to, this.cap);
    if (to < n) return;
    channel.queue.shift();
    channel.at = 0;
    this.release(batch);
  }
}

function next(channel: Channel): number {
  const batch = channel.queue[0];
  return batch === undefined ? channel.bound : batch.wm[channel.at]!;
}
