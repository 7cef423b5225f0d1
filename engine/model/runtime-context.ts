/** What user functions see of where they run, and what they count (Flink: RuntimeContext, MetricGroup). */
export interface Counter {
  inc(n?: number): void;
  dec(n?: number): void;
}

/** Counted like a counter; the rate follows from the epochs' clocks. */
export interface Meter {
  markEvent(n?: number): void;
}

/** `<name>:count`, `<name>:sum`, and `<name>:le:<bound>`: values up to this power of two and above the one before. */
export interface Histogram {
  update(value: number): void;
}

export interface MetricGroup {
  counter(name: string): Counter;
  meter(name: string): Meter;
  histogram(name: string): Histogram;
  /** A group whose metrics have `<name>.` in front. */
  addGroup(name: string): MetricGroup;
}

/**
 * It knows nothing of the physical subtask: an answer that hung on its index would change with the parallelism of an epoch (E7). The
 * logical subtask is the key group.
 */
export interface RuntimeContext {
  /** The operator's name. */
  getTaskName(): string;
  getOperatorUniqueID(): string;
  /** The number of key groups. */
  getMaxNumberOfParallelSubtasks(): number;
  getMetricGroup(): MetricGroup;
}
