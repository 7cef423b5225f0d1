/** What the data plane of a job is made of. */
import type { JobGraph } from '../graph/job-graph.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { TableBackend } from './table/table-backend.ts';
import type { CrashPoint } from './crash-point.ts';

export interface RunnerOptions {
  readonly job: string;
  readonly graph: JobGraph;
  readonly clock: Clock;
  readonly blobs: BlobStore;
  readonly log: Log | null;
  /** Where keyed state stands that need not be in memory. Absent: all of it is (backend `heap`). */
  readonly table?: TableBackend;
  /** Subtasks per keyed stage in one process; more than 1 only to test that packing changes nothing (E7a). */
  readonly subtasks?: number;
  /** Rows of an epoch that is not planned ahead, by its number; the same for every attempt at it. Default: what the budget says. */
  readonly maxRowsOf?: (epoch: number) => number;
  /** What people should know, though the job goes on. */
  notice?(text: string, data: Readonly<Record<string, unknown>>): void;
  /** Instead of the process-wide one: tests throw InjectedCrash here. */
  readonly crashPoint?: (name: CrashPoint) => void;
}
