/** reduce, aggregate and process as what window operators run: aggregations, and folds over the elements that an evictor leaves. */
import type { AggregateFunction } from '../state/descriptors.ts';
import type { WindowRun } from './window-run.ts';

export type Untyped = AggregateFunction<unknown, unknown, unknown>;

/** The accumulator of a reduce is the value itself; null is "nothing yet". */
export function reduceAggregate(reduce: (a: unknown, b: unknown) => unknown): Untyped {
  const both = (a: unknown, b: unknown): unknown => (a === null ? b : b === null ? a : reduce(a, b));
  return {
    createAccumulator: () => null,
    add: (value, accumulator) => (accumulator === null ? value : reduce(accumulator, value)),
    getResult: (accumulator) => accumulator,
    merge: both,
  };
}

/** All elements, in order of arrival. */
export const LIST: Untyped = {
  createAccumulator: () => [],
  add: (value, accumulator) => {
    const row = value as { __copy?: () => object };
    (accumulator as unknown[]).push(
      typeof row === 'object' && row !== null && typeof row.__copy === 'function' ? row.__copy() : value,
    );
    return accumulator;
  },
  getResult: (accumulator) => (accumulator as unknown[]).slice(),
};

/** With an evictor the window keeps its elements, and the aggregation goes over what is left. A reduce of nothing emits nothing. */
export function foldElements(stateKind: string, aggregate: Untyped, fn: WindowRun | null): WindowRun {
  return {
    ...fn,
    clear: fn?.clear ?? null,
    run(key, context, elements, out) {
      if (elements.length === 0 && stateKind === 'reduce') return undefined;
      let accumulator = aggregate.createAccumulator();
      for (const element of elements) accumulator = aggregate.add(element, accumulator);
      const result = aggregate.getResult(accumulator);
      if (fn !== null) return fn.run(key, context, [result], out);
      return out.collect(result);
    },
  };
}
