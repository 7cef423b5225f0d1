/**
 * Which producers' transactions are being aborted at a place in the log (read_committed): a transaction is, from its first offset until the
 * control batch that ends it.
 */
import type { AbortedTransaction } from './record-set.ts';

export class AbortedProducers {
  readonly #transactions: readonly AbortedTransaction[];
  readonly #producers = new Set<number>();
  #next = 0;

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Transactions that begin at `offset` or before count from here on. */
  reach(offset: number): void {
    for (; this.#next < this.#transactions.length; this.#next++) {
      const { firstOffset, producerId } = this.#transactions[this.#next]!;
      if (firstOffset > offset) return;
      this.#producers.add(producerId);
    }
  }
  has(producerId: number): boolean {
    return this.#producers.has(producerId);
  }
  /** An abort marker of this producer. */
  ended(producerId: number): void {
    this.#producers.delete(producerId);
  }
}
