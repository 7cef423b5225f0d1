/**
 * State time-to-live (Flink: StateTtlConfig), in processing time, which is the epoch's clock. List and map states expire element
 * by element.
 *
 * Expired values are removed when they are touched and, some at a time, at the end of every epoch. The latter is never seen: with
 * ReturnExpiredIfNotCleanedUp an expired value is returned until it has been read once, or for one more time-to-live, whichever comes first,
 * and only after that is it removed in the background. So what a function sees follows from the plans' clocks (E7).
 */
import { ConfigError } from '../model/errors.ts';

export type TtlUpdateType = 'Disabled' | 'OnCreateAndWrite' | 'OnReadAndWrite';
export type TtlVisibility = 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp';

export interface StateTtlConfig {
  readonly ttlMs: number;
  readonly updateType: TtlUpdateType;
  readonly visibility: TtlVisibility;
  /** False: expired values are removed when they are touched, and not otherwise. */
  readonly cleanupInBackground?: boolean;
  /** Keys looked at in the background for each key that has changed. */
  readonly cleanupSize?: number;
}

/** Flink's default of cleanupIncrementally. */
const DEFAULT_CLEANUP_SIZE = 5;

class TtlBuilder {
  private ttlMs: number;
  private updateType: TtlUpdateType = 'OnCreateAndWrite';
  private visibility: TtlVisibility = 'NeverReturnExpired';
  private inBackground = true;
  private cleanupSize = DEFAULT_CLEANUP_SIZE;

  constructor(ttlMs: number) {
    this.ttlMs = checkTtl(ttlMs);
  }
  setTimeToLive(ttlMs: number): this {
    this.ttlMs = checkTtl(ttlMs);
    return this;
  }
  /** What makes a value young again. 'Disabled': the state has no time-to-live. */
  setUpdateType(type: TtlUpdateType): this {
    this.updateType = oneOf(StateTtlConfig.UpdateType, type, 'setUpdateType');
    return this;
  }
  updateTtlOnCreateAndWrite(): this {
    return this.setUpdateType('OnCreateAndWrite');
  }
  updateTtlOnReadAndWrite(): this {
    return this.setUpdateType('OnReadAndWrite');
  }
  setStateVisibility(visibility: TtlVisibility): this {
    this.visibility = oneOf(StateTtlConfig.StateVisibility, visibility, 'setStateVisibility');
    return this;
  }
  neverReturnExpired(): this {
    return this.setStateVisibility('NeverReturnExpired');
  }
  returnExpiredIfNotCleanedUp(): this {
    return this.setStateVisibility('ReturnExpiredIfNotCleanedUp');
  }
  setTtlTimeCharacteristic(characteristic: 'ProcessingTime'): this {
    oneOf(StateTtlConfig.TtlTimeCharacteristic, characteristic, 'setTtlTimeCharacteristic');
    return this;
  }
  useProcessingTime(): this {
    return this;
  }
  /** Values that can no longer be seen are left out when the whole state is written down: always so, unless turned off. */
  cleanupFullSnapshot(): this {
    return this;
  }
  /** How many keys are looked at, at the end of an epoch, for each key that it has changed (at least 1000 an epoch). */
  cleanupIncrementally(cleanupSize: number, _runCleanupForEveryRecord = false): this {
    if (!Number.isInteger(cleanupSize) || cleanupSize < 1)
      throw new ConfigError(`cleanupIncrementally takes a whole number of keys, 1 or more; got ${cleanupSize}.`);
    this.cleanupSize = cleanupSize;
    return this;
  }
  /** Refused: there is no RocksDB here. */
  cleanupInRocksdbCompactFilter(_queryTimeAfterNumEntries?: number, _periodicCompactionMs?: number): never {
    throw new ConfigError(
      'cleanupInRocksdbCompactFilter: there is no RocksDB here. Leave the call out: expired values are removed at the end of every epoch, some at a time (cleanupIncrementally says how many).',
    );
  }
  disableCleanupInBackground(): this {
    this.inBackground = false;
    return this;
  }
  build(): StateTtlConfig {
    return {
      ttlMs: this.ttlMs,
      updateType: this.updateType,
      visibility: this.visibility,
      cleanupInBackground: this.inBackground,
      cleanupSize: this.cleanupSize,
    };
  }
}

export const StateTtlConfig = {
  /** `ttlMs`: milliseconds, e.g. Duration.ofHours(1). */
  newBuilder: (ttlMs: number): TtlBuilder => new TtlBuilder(ttlMs),
  UpdateType: { Disabled: 'Disabled', OnCreateAndWrite: 'OnCreateAndWrite', OnReadAndWrite: 'OnReadAndWrite' },
  StateVisibility: {
    NeverReturnExpired: 'NeverReturnExpired',
    ReturnExpiredIfNotCleanedUp: 'ReturnExpiredIfNotCleanedUp',
  },
  TtlTimeCharacteristic: { ProcessingTime: 'ProcessingTime' },
  /** No time-to-live. */
  DISABLED: {
    ttlMs: Infinity,
    updateType: 'Disabled',
    visibility: 'NeverReturnExpired',
  } satisfies StateTtlConfig as StateTtlConfig,
} as const;

/** After how many milliseconds without renewal nobody can see a value any more. */
export function goneAfterMs({ ttlMs, visibility }: StateTtlConfig): number {
  return visibility === 'ReturnExpiredIfNotCleanedUp' ? 2 * ttlMs : ttlMs;
}

function checkTtl(ttlMs: number): number {
  if (ttlMs > 0) return ttlMs;
  throw new ConfigError(
    `a time-to-live is a positive number of milliseconds; got ${ttlMs}. Use Duration.ofHours(1), for example.`,
  );
}

function oneOf<T extends string>(allowed: Readonly<Record<string, T>>, given: T, what: string): T {
  if (Object.values(allowed).includes(given)) return given;
  throw new ConfigError(
    `${what} takes ${Object.values(allowed).join(' or ')}; got ${String(given)}. State expires in processing time only, as in Flink.`,
  );
}
