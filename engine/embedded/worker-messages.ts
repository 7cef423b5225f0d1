/** What the main thread and a worker thread say to each other: a call and its one answer, by number. */
import type { AttemptFailure } from '../runtime/epoch-runner.ts';

/** What a worker needs to build the job for itself: functions cannot travel, so it imports the module. */
export interface WorkerSetup {
  /** File URL of the job module. */
  readonly jobUrl: string;
  readonly overrides: Readonly<Record<string, string>>;
  readonly job: string;
  readonly parallelism: number | null;
  readonly graphHash: string;
  readonly stateDir: string;
  readonly index: number;
}

export const CALLS = [
  'begin',
  'read',
  'stage',
  'finish',
  'dump',
  'committed',
  'stopReading',
  'discard',
  'close',
] as const;
export type CallName = (typeof CALLS)[number];

export interface Call {
  readonly id: number;
  readonly name: CallName;
  readonly args: readonly unknown[];
}

/** A failure without its class: errors lose it on their way between threads. */
export interface FailureMessage {
  readonly message: string;
  readonly stack: string | undefined;
  readonly retryable: boolean;
  readonly poison: AttemptFailure['poison'];
  /** Name of the cause's class, so that the main thread throws the same. */
  readonly kind: string;
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly failure: FailureMessage }
  /** The worker has built the job, or could not. */
  | { readonly id: 0; readonly ok: boolean; readonly failure?: FailureMessage };
