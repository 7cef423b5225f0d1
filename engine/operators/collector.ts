/** Where a function puts its results (Flink: Collector). */
export interface Collector<in R> {
  collect(record: R): void;
}

/** A collector over a reused array: the generated chain reads `items[0..n)` after each call. */
export class ArrayCollector implements Collector<unknown> {
  n = 0;
  readonly items: unknown[] = [];
  collect(record: unknown): void {
    this.items[this.n++] = record;
  }
}
