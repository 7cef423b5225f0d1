/**
 * State descriptors (Flink: ValueStateDescriptor …): a name unique in its operator, what the kind needs, and a serializer for values that
 * state does not hold as they are.
 */
import type { StateTtlConfig } from './ttl.ts';
import type { TypeSerializer } from './type-serializer.ts';

abstract class StateDescriptor<V> {
  readonly name: string;
  /** Null: values, elements, map values or accumulators are plain data. */
  readonly serializer: TypeSerializer<V> | null;
  ttl: StateTtlConfig | null = null;
  constructor(name: string, serializer: TypeSerializer<V> | null) {
    this.name = name;
    this.serializer = serializer;
  }
  /** Values are dropped some time after their last use (Flink: enableTimeToLive). */
  enableTimeToLive(config: StateTtlConfig): this {
    this.ttl = config.updateType === 'Disabled' ? null : config;
    return this;
  }
}

export class ValueStateDescriptor<T> extends StateDescriptor<T> {
  readonly kind = 'value';
  declare readonly __type?: T;
  /** What `value()` returns when nothing was stored; default null. */
  readonly defaultValue: T | null;
  constructor(name: string, defaultValue: T | null = null, serializer: TypeSerializer<T> | null = null) {
    super(name, serializer);
    this.defaultValue = defaultValue;
  }
}

export class ListStateDescriptor<T> extends StateDescriptor<T> {
  readonly kind = 'list';
  declare readonly __type?: T;
  /** `serializer`: of the elements. */
  constructor(name: string, serializer: TypeSerializer<T> | null = null) {
    super(name, serializer);
  }
}

export class MapStateDescriptor<UK, UV> extends StateDescriptor<UV> {
  readonly kind = 'map';
  declare readonly __key?: UK;
  declare readonly __value?: UV;
  /** `serializer`: of the values. Keys are what can be keys of a stream. */
  constructor(name: string, serializer: TypeSerializer<UV> | null = null) {
    super(name, serializer);
  }
}

export class ReducingStateDescriptor<T> extends StateDescriptor<T> {
  readonly kind = 'reducing';
  readonly reduce: (a: T, b: T) => T;
  constructor(name: string, reduce: (a: T, b: T) => T, serializer: TypeSerializer<T> | null = null) {
    super(name, serializer);
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

export class AggregatingStateDescriptor<IN, ACC, OUT> extends StateDescriptor<ACC> {
  readonly kind = 'aggregating';
  readonly aggregate: AggregateFunction<IN, ACC, OUT>;
  /** `serializer`: of the accumulator. */
  constructor(name: string, aggregate: AggregateFunction<IN, ACC, OUT>, serializer: TypeSerializer<ACC> | null = null) {
    super(name, serializer);
    this.aggregate = aggregate;
  }
}
