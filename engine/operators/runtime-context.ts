/** Makes the context with which a function is opened. */
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { KeyedOperatorContext } from './keyed-operator.ts';
import { metricGroup, type Count } from './metrics.ts';

export interface OperatorInfo {
  readonly uid: string;
  readonly name: string;
  readonly maxParallelism: number;
}

export function runtimeContext({ uid, name, maxParallelism }: OperatorInfo, count: Count): RuntimeContext {
  return {
    getTaskName: () => name,
    getOperatorUniqueID: () => uid,
    getMaxNumberOfParallelSubtasks: () => maxParallelism,
    getMetricGroup: () => metricGroup(uid, count),
  };
}

/** The context of a function of the operator. */
export function contextOf(ctx: KeyedOperatorContext): RuntimeContext {
  const { uid, name, keys } = ctx;
  return runtimeContext({ uid, name, maxParallelism: keys.maxParallelism }, (counter, n) => ctx.count(counter, n));
}
