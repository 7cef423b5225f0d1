/**
 * What a function gets when it is opened (Flink: RuntimeContext). It knows nothing of the physical subtask: an answer that hung on its index
 * would change with the parallelism of an epoch (E7). The logical subtask is the key group.
 */
import { metricGroup, type Count, type MetricGroup } from './metrics.ts';

export interface RuntimeContext {
  /** The operator's name. */
  getTaskName(): string;
  getOperatorUniqueID(): string;
  /** The number of key groups. */
  getMaxNumberOfParallelSubtasks(): number;
  getMetricGroup(): MetricGroup;
}

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
