/**
 * State time-to-live (Flink: StateTtlConfig), in processing time, which is the epoch's clock. List and map states expire element
 * by element. Expired values are removed when touched and, some at a time, at the end of every epoch.
 */
import { ConfigError } from '../model/errors.ts';

export type TtlUpdateType = 'OnCreateAndWrite' | 'OnReadAndWrite';
export type TtlVisibility = 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp';

export interface StateTtlConfig {
  readonly ttlMs: number;
  readonly updateType: TtlUpdateType;
  readonly visibility: TtlVisibility;
}

class TtlBuilder {
  private readonly ttlMs: number;
  private updateType: TtlUpdateType = 'OnCreateAndWrite';
  private visibility: TtlVisibility = 'NeverReturnExpired';
  constructor(ttlMs: number) {
    if (!(ttlMs > 0)) throw new ConfigError(`a time-to-live is a positive number of milliseconds; got ${ttlMs}.`);
    this.ttlMs = ttlMs;
  }
  setUpdateType(type: TtlUpdateType): this {
    this.updateType = type;
    return this;
  }
  setStateVisibility(visibility: TtlVisibility): this {
    this.visibility = visibility;
    return this;
  }
  build(): StateTtlConfig {
    return { ttlMs: this.ttlMs, updateType: this.updateType, visibility: this.visibility };
  }
}

export const StateTtlConfig = {
  /** `ttlMs`: milliseconds, e.g. Duration.ofHours(1). */
  newBuilder: (ttlMs: number): TtlBuilder => new TtlBuilder(ttlMs),
} as const;
