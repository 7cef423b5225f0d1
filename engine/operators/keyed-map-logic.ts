/** map, flatMap and filter of a keyed stream as what the keyed process operator runs: results have the row's timestamp. */
import { collectReturned } from './collect-returned.ts';
import type { Collector } from './collector.ts';
import type { KeyedProcessLogic, OpenContext } from './keyed-process-function.ts';
import { refusePromise } from './map-operator.ts';

interface LifeCycle {
  open?(ctx: OpenContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

interface UntypedMap extends LifeCycle {
  map(value: never): unknown;
}

interface UntypedFlatMap extends LifeCycle {
  flatMap(value: never, out: Collector<never>): unknown;
}

interface UntypedFilter extends LifeCycle {
  filter(value: never): unknown;
}

export function keyedMapLogic(fn: UntypedMap): KeyedProcessLogic {
  return keyedLogic(fn, (value, out) => {
    const result = fn.map(value);
    refusePromise(result);
    out.collect(result as never);
  });
}

export function keyedFlatMapLogic(fn: UntypedFlatMap): KeyedProcessLogic {
  return keyedLogic(fn, (value, out) => collectReturned(fn.flatMap(value, out), out));
}

export function keyedFilterLogic(fn: UntypedFilter): KeyedProcessLogic {
  return keyedLogic(fn, (value, out) => {
    const isKept = fn.filter(value);
    refusePromise(isKept);
    if (isKept) out.collect(value);
  });
}

function keyedLogic(fn: LifeCycle, element: (value: never, out: Collector<never>) => void): KeyedProcessLogic {
  return {
    open: (ctx) => fn.open?.(ctx),
    processElement: (value, _ctx, out) => element(value, out),
    close: () => fn.close?.(),
  };
}
