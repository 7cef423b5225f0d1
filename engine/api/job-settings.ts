/** Settings of a job that are not part of its graph (Flink: CheckpointConfig and execution options). */
import { ConfigError } from '../model/errors.ts';
import type { EpochMode } from '../model/epoch-mode.ts';
import type { StateBackendKind } from '../model/state-backend.ts';
import { exponentialDelay, failureRate, fixedDelay, none, type RestartStrategy } from '../model/restart-strategy.ts';

/** Flink: RestartStrategies. Delays in milliseconds. */
export const RestartStrategies = {
  noRestart: none,
  fixedDelayRestart: fixedDelay,
  exponentialDelayRestart: exponentialDelay,
  failureRateRestart: failureRate,
} as const;

export type CheckpointRetention = 'RETAIN_ON_CANCELLATION' | 'DELETE_ON_CANCELLATION';

export interface JobSettings {
  readonly epochMs: number;
  readonly timeoutMs: number;
  readonly minPauseMs: number;
  readonly retention: CheckpointRetention;
  readonly restart: RestartStrategy;
  readonly epochMode: EpochMode;
  /** Null: what the place where the job runs has for default. */
  readonly stateBackend: StateBackendKind | null;
  /** Folder of the job's state; null: kept in memory, gone with the process. */
  readonly stateDir: string | null;
}

export class CheckpointConfig {
  /** Null: as the host has it, 1 s embedded and 10 s on AWS. */
  epochMs: number | null = null;
  timeoutMs = 600_000;
  minPauseMs = 0;
  retention: CheckpointRetention = 'RETAIN_ON_CANCELLATION';
  storage: string | null = null;

  setCheckpointInterval(ms: number): this {
    this.epochMs = positive('the checkpoint interval', ms);
    return this;
  }
  /** An epoch that takes longer fails its attempt. */
  setCheckpointTimeout(ms: number): this {
    this.timeoutMs = positive('the checkpoint timeout', ms);
    return this;
  }
  /** An epoch is not cut sooner than this after the one before it committed. */
  setMinPauseBetweenCheckpoints(ms: number): this {
    if (!(ms >= 0)) throw new ConfigError(`the minimum pause is a number of milliseconds, 0 or more; got ${ms}.`);
    this.minPauseMs = ms;
    return this;
  }
  /** Only 1: an epoch builds on the state of the one before it, so two can never run at once. */
  setMaxConcurrentCheckpoints(n: number): this {
    if (n !== 1) {
      throw new ConfigError(
        `setMaxConcurrentCheckpoints(${n}): Millrace runs one epoch at a time, because an epoch reads the state that the one before it committed. Leave it at 1; shorten the interval for fresher results.`,
      );
    }
    return this;
  }
  setExternalizedCheckpointRetention(retention: CheckpointRetention): this {
    this.retention = retention;
    return this;
  }
  /** Folder in which a plain script's job keeps its state and checkpoints; without it they live in memory. */
  setCheckpointStorage(folder: string): this {
    this.storage = folder.replace(/^file:\/\//, '');
    return this;
  }
}

function positive(what: string, ms: number): number {
  if (!(ms > 0) || !Number.isFinite(ms))
    throw new ConfigError(`${what} is a positive number of milliseconds; got ${ms}.`);
  return ms;
}
