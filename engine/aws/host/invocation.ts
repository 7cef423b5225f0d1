/** What an invocation of the coordinator is made of. */
import type { Consumption } from '../../model/consumption.ts';
import type { EpochMode } from '../../model/epoch-mode.ts';
import type { RestartStrategy } from '../../model/restart-strategy.ts';
import type { StateBackendKind } from '../../model/state-backend.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StateStore } from '../../ports/state-store.ts';
import type { StateTable } from '../../ports/state-table.ts';
import type { JobOptions } from '../../runtime/job-options.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import type { CoordinatorEvent } from './coordinator-event.ts';
import type { EpochFacts } from './epoch-metrics.ts';
import type { BackloggedRunner } from './paced-runner.ts';

/** As `StreamExecutionEnvironment.settings()` has them. */
export interface JobRunSettings {
  readonly epochMs: number;
  readonly timeoutMs: number;
  readonly minPauseMs: number;
  readonly retention: 'RETAIN_ON_CANCELLATION' | 'DELETE_ON_CANCELLATION';
  readonly restart: RestartStrategy;
  readonly epochMode: EpochMode;
  /** Null: as the host has it. */
  readonly stateBackend: StateBackendKind | null;
}

export interface Invocation {
  readonly graph: RunnerOptions['graph'];
  readonly settings: JobRunSettings;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  /** It is swept like them. */
  readonly table?: StateTable;
  readonly clock: Clock;
  /** The host's own; it is not closed here. */
  readonly runner: BackloggedRunner;
  readonly event: CoordinatorEvent;
  /** Id of the invocation. */
  readonly request: string;
  /** Left at least when an epoch stops reading. */
  readonly marginMs: number;
  /** Until the invocation is to end. */
  leftMs(): number;
  /** Until it is ended, whatever it does. */
  leftAtMostMs(): number;
  readonly consumed?: () => Consumption;
  /** Another function folds the log; absent: the coordinator does. */
  startFold?(): Promise<void>;
  readonly onEpoch?: (facts: Omit<EpochFacts, 'about'>) => void;
  readonly onNotice?: JobOptions['onNotice'];
}
