/** What every stream object shares: the environment's graph. Internal. */
import type { StreamGraph } from '../graph/stream-graph.ts';
import type { Executor, JobExecutionResult } from './executor.ts';

export interface StreamContext {
  readonly graph: StreamGraph;
  execute(jobName?: string): Promise<JobExecutionResult>;
  /** Runs with the given extra in-memory output; used by executeAndCollect. */
  readonly executor: () => Executor;
}
