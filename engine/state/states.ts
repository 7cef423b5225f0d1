/** What user functions see of keyed state (Flink: ValueState, ListState, MapState, ReducingState, AggregatingState). Always of the current key. */
export interface ValueState<T> {
  /** The stored value, or the descriptor's default (null if it has none). */
  value(): T | null;
  /** Storing null clears. */
  update(value: T | null): void;
  clear(): void;
}

export interface ListState<T> {
  /** The elements, oldest first; empty when there are none. */
  get(): readonly T[];
  add(value: T): void;
  addAll(values: Iterable<T>): void;
  /** Replaces all elements. */
  update(values: Iterable<T>): void;
  clear(): void;
}

export interface MapState<UK, UV> {
  get(key: UK): UV | null;
  put(key: UK, value: UV): void;
  putAll(entries: Iterable<readonly [UK, UV]>): void;
  remove(key: UK): void;
  contains(key: UK): boolean;
  /** In order of insertion. */
  entries(): Iterable<[UK, UV]>;
  keys(): Iterable<UK>;
  values(): Iterable<UV>;
  iterator(): Iterator<[UK, UV]>;
  isEmpty(): boolean;
  clear(): void;
}

export interface ReducingState<T> {
  get(): T | null;
  add(value: T): void;
  clear(): void;
}

export interface AggregatingState<IN, OUT> {
  get(): OUT | null;
  add(value: IN): void;
  clear(): void;
}
