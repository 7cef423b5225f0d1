/** The state backend `table` (Flink's RocksDB role): where records are, and how much of them may be in memory. */
import type { StateTable } from '../../ports/state-table.ts';

export interface TableLimits {
  /** Keys of a stage that stay in memory from one epoch to the next, at most. */
  readonly residentKeys: number;
  /** Their state in bytes, as written, at most: an estimate. Objects in memory take a few times as much. */
  readonly residentBytes: number;
  /** Keys that are loaded at once, give or take a key group: what is due beyond that is worked off group by group. */
  readonly keysAtOnce: number;
  /** Keys that the rows of an epoch which is not planned ahead may need before it is cut. */
  readonly keysPerEpoch: number;
}

/** For a function of 1 GB: a key of 200 bytes takes about 1 KB in memory with its operator's arrays. */
export const TABLE_LIMITS: TableLimits = {
  residentKeys: 100_000,
  residentBytes: 128 * 1024 * 1024,
  keysAtOnce: 100_000,
  keysPerEpoch: 100_000,
};

export interface TableBackend {
  readonly table: StateTable;
  /** False: the job's backend is `heap`; what an earlier version of it left in the table is read into memory. */
  readonly isUsed: boolean;
  readonly limits?: Partial<TableLimits>;
}
