/** What a coordinator needs to run a job, and how a run of it ends. */
import type { FoldLimits } from '../checkpoint/fold-policy.ts';
import type { Manifest } from '../checkpoint/records.ts';
import type { Consumption } from '../model/consumption.ts';
import type { RestartStrategy } from '../model/restart-strategy.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateStore } from '../ports/state-store.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { CrashPoint } from './crash-point.ts';
import type { EpochRunner } from './epoch-runner.ts';

export interface JobSettings {
  /** Milliseconds of reading after which an open epoch is cut. */
  readonly intervalMs: number;
  /** Between a publication and the next plan. */
  readonly minPauseMs: number;
  /** Checkpoint timeout, kept by the runner. */
  readonly timeoutMs: number;
  readonly restartStrategy: RestartStrategy;
  /** What a cancelled job leaves: its last checkpoint, to restore, or nothing. */
  readonly onCancel: 'retain' | 'delete';
  readonly maxRows: number;
  /** Begin a new run on the retained state (after finish, cancellation, or anything else). */
  readonly restore: boolean;
  /** A record that makes user code throw goes there, instead of failing the epoch. */
  readonly hasDeadLetters: boolean;
  /**
   * Milliseconds within which the owner changes the head; waiters of unknown kin wait as long. Default: interval + pause +
   * timeout + 10 s, at least 30 s, so that an epoch within its timeout keeps the lease.
   */
  readonly leaseTtlMs?: number;
  /** When the state's log is folded. Default: `FOLD_LIMITS` (checkpoint/fold-policy.ts). */
  readonly fold?: FoldLimits;
  /** Asked when the job was stopped: a sweep lists all there is, which a job that is stopped after every epoch leaves to some of them. Default: yes. */
  sweepsOnStop?(epochs: { readonly from: number; readonly to: number }): boolean;
}

export interface JobOptions {
  readonly job: string;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  /** Where keyed state may stand beside them; it is swept like them. */
  readonly table?: StateTable;
  readonly clock: Clock;
  readonly runner: EpochRunner;
  readonly lease: {
    readonly owner: string;
    isAlive(owner: string): 'alive' | 'dead' | 'unknown' | Promise<'alive' | 'dead' | 'unknown'>;
  };
  readonly settings: JobSettings;
  /** After an epoch's publication. */
  onEpoch?(manifest: Manifest): void;
  /** What people should know: re-plans, restarts, a takeover, dead letters. */
  onNotice?(text: string, data: Readonly<Record<string, unknown>>): void;
  /** Finish the epoch, publish, release the lease. */
  readonly stop?: AbortSignal;
  /** Drop the epoch in work, publish what is committed, leave as `onCancel` says. */
  readonly cancel?: AbortSignal;
  /** What this process has used since it was last asked, for the manifest. */
  readonly consumed?: () => Consumption;
  /** Instead of the process-wide one: tests throw InjectedCrash here. */
  readonly crashPoint?: (name: CrashPoint) => void;
  /** A random word for this start. Default: from crypto. */
  readonly session?: string;
  /** A random word for this driver of the session. Default: from crypto. */
  readonly incarnation?: string;
}

export type JobOutcome = { readonly epochs: number } & (
  | { readonly kind: 'finished' | 'stopped' | 'cancelled' }
  /** The lease is released and the head stays: a later run continues. `error` is what was thrown, its class kept. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly reason: string }
  /** `session`: whose lease the head has now, as far as known; its own: another driver of it goes on, and may be asked again. */
  | { readonly kind: 'fenced'; readonly by: string; readonly session: string | null }
  | { readonly kind: 'refused'; readonly owner: string }
  | { readonly kind: 'already'; readonly phase: 'finished' | 'cancelled' }
  | { readonly kind: 'nothing-to-restore' }
);
