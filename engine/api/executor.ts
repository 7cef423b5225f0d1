/**
 * The seam between the API and whatever runs jobs: the package entry injects the embedded executor (ARCHITECTURE section 10).
 */
import type { JobGraph } from '../graph/job-graph.ts';
import { ConfigError } from '../model/errors.ts';
import type { JobSettings } from './job-settings.ts';

export interface JobExecutionResult {
  readonly job: string;
  /** Epochs committed in this execution. */
  readonly epochs: number;
  readonly durationMs: number;
  /** How it ended; 'finished before': a job with stored state whose input had ended earlier; 'paused': `millrace pause` asked for it. */
  readonly ending: 'finished' | 'stopped' | 'paused' | 'cancelled' | 'finished before' | 'cancelled before';
  /** Sums over the job: recordsIn, filtered, late, lateDropped, deadLettered, refired, recordsOut … */
  readonly counts: Readonly<Record<string, number>>;
}

export interface JobSignals {
  readonly stop?: AbortSignal;
  readonly cancel?: AbortSignal;
}

export type Executor = (graph: JobGraph, settings: JobSettings, signals: JobSignals) => Promise<JobExecutionResult>;

let executor: Executor | null = null;

export function injectExecutor(made: Executor): void {
  executor = made;
}

export function currentExecutor(): Executor {
  if (executor === null) throw new ConfigError('no executor: import from "millrace", which brings the embedded one.');
  return executor;
}
