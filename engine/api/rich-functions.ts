/**
 * Class forms of map, flatMap and filter (Flink: RichMapFunction …): `open` may be asynchronous, and has metrics. One instance serves all
 * subtasks of a process, so keep nothing in its fields that depends on the rows seen: that is state, and belongs behind a keyBy.
 */
import type { Collector } from '../operators/collector.ts';
import { FunctionLifecycle, type OpenableFunction } from '../operators/function-lifecycle.ts';
import type { OpenContext } from '../operators/keyed-process-function.ts';
import { refuseCheckpointed } from './function-checks.ts';
import { ProcessFunction, type Nothing } from './functions.ts';

abstract class RichFunction {
  declare protected readonly form: 'rich';
  open?(ctx: OpenContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export abstract class RichMapFunction<I, O> extends RichFunction {
  abstract map(value: I): O;
}

export abstract class RichFlatMapFunction<I, O> extends RichFunction {
  abstract flatMap(value: I, out: Collector<O>): Nothing | Iterable<O>;
}

export abstract class RichFilterFunction<T> extends RichFunction {
  abstract filter(value: T): boolean;
}

/** @internal Null for a plain function: it has no life of its own. */
export function lifecycleOf(fn: object): FunctionLifecycle | null {
  refuseCheckpointed(fn, 'map(…), filter(…) and flatMap(…)');
  const isOpenable = fn instanceof RichFunction || fn instanceof ProcessFunction;
  return isOpenable ? new FunctionLifecycle(fn as OpenableFunction) : null;
}
