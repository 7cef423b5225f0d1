/** State descriptors (Flink: ValueStateDescriptor …): a name unique in its operator, and what the kind needs. */
import type { StateTtlConfig } from './ttl.ts';

abstract class StateDescriptor {
  readonly name: string;
  ttl: StateTtlConfig | null = null;
  constructor(name: string) {
    this.name = name;
  }
  /** Values are dropped some time after their last use (Flink: enableTimeToLive). */
  enableTimeToLive(config: StateTtlConfig): this {
    this.ttl = config;
    return this;
  }
}

export class ValueStateDescriptor<T> extends StateDescriptor {
  readonly kind = 'value';
  declare readonly __type?: T;
  /** What `value()` returns when nothing was stored; default null. */
  readonly defaultValue: T | null;
  constructor(name: string, defaultValue: T | null = null) {
    super(name);
    this.defaultValue = defaultValue;
  }
}

export class ListStateDescriptor<T> extends StateDescriptor {
  readonly kind = 'list';
  declare readonly __type?: T;
}

export class MapStateDescriptor<UK, UV> extends StateDescriptor {
  readonly kind = 'map';
  declare readonly __key?: UK;
  declare readonly __value?: UV;
}

export class ReducingStateDescriptor<T> extends StateDescriptor {
  readonly kind = 'reducing';
  readonly reduce: (a: T, b: T) => T;
  constructor(name: string, reduce: (a: T, b: T) => T) {
    super(name);
    this.reduce = reduce;
  }
}

/** Flink: AggregateFunction. */
export interface AggregateFunction<IN, ACC, OUT> {
  createAccumulator(): ACC;
  /** Adds a value and returns the accumulator: the same object, changed, or a new one. */
  add(value: IN, accumulator: ACC): ACC;
  getResult(accumulator: ACC): OUT;
  /** The accumulator of the values of both; may change and return `a`. Needed by session windows and for `preAggregate`. */
  merge?(a: ACC, b: ACC): ACC;
  /**
   * Windows may aggregate rows before the shuffle and merge the parts behind it. Set it where `merge` is exact and the order of values
   * does not show: counts, integer and decimal sums, minimum, maximum, sets. For floating-point sums it makes the last digits depend on
   * the parallelism.
   */
  readonly preAggregate?: boolean;
}

export class AggregatingStateDescriptor<IN, ACC, OUT> extends StateDescriptor {
  readonly kind = 'aggregating';
  readonly aggregate: AggregateFunction<IN, ACC, OUT>;
  constructor(name: string, aggregate: AggregateFunction<IN, ACC, OUT>) {
    super(name);
    this.aggregate = aggregate;
  }
}
