/** CoMapFunction and CoFlatMapFunction as what the co-process operator runs: results have the row's timestamp. */
import type { CoProcessLogic } from './co-process-operator.ts';
import { collectReturned } from './collect-returned.ts';
import type { Collector } from './collector.ts';
import type { OpenContext } from './keyed-process-function.ts';
import { refusePromise } from './map-operator.ts';

interface LifeCycle {
  open?(ctx: OpenContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

interface UntypedCoMap extends LifeCycle {
  map1(value: never): unknown;
  map2(value: never): unknown;
}

interface UntypedCoFlatMap extends LifeCycle {
  flatMap1(value: never, out: Collector<never>): unknown;
  flatMap2(value: never, out: Collector<never>): unknown;
}

export function coMapLogic(fn: UntypedCoMap): CoProcessLogic {
  return {
    open: (ctx) => fn.open?.(ctx),
    processElement1: (value, _ctx, out) => collectOne(fn.map1(value), out),
    processElement2: (value, _ctx, out) => collectOne(fn.map2(value), out),
    close: () => fn.close?.(),
  };
}

export function coFlatMapLogic(fn: UntypedCoFlatMap): CoProcessLogic {
  return {
    open: (ctx) => fn.open?.(ctx),
    processElement1: (value, _ctx, out) => collectReturned(fn.flatMap1(value, out), out),
    processElement2: (value, _ctx, out) => collectReturned(fn.flatMap2(value, out), out),
    close: () => fn.close?.(),
  };
}

function collectOne(result: unknown, out: Collector<never>): void {
  refusePromise(result);
  out.collect(result as never);
}
