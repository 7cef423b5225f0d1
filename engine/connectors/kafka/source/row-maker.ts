/** Turns fetched records into rows: one of these a split. */
import type { BadRecord } from '../../../model/bad-record.ts';
import type { SourceBatch } from '../../../model/source-batch.ts';
import type { RecordColumns } from '../client/record-set.ts';
import type { KafkaRecord } from './kafka-record.ts';

export interface RowMaker {
  /**
   * Rows of the records [at, end): at most `maxRows` of them with the bad ones. At least one record is taken, or there is something to wait
   * for before the record at `at`.
   */
  make(columns: RecordColumns, at: number, end: number, maxRows: number): Made | Promise<void>;
  /** A batch that `make` made is not used any more. */
  release(batch: SourceBatch): void;
}

export interface Made {
  /** Its `endPosition` is set by the reader. */
  readonly batch: SourceBatch;
  /** The record after the last one that was taken. */
  readonly next: number;
  /** Tombstones passed over. */
  readonly tombstones: number;
}

/** Makes rows of whole records. */
export interface RecordDeserializer<T> {
  /** Once in each process before the first record. */
  open?(): Promise<void>;
  /** What must be waited for before this record can be deserialized; null when nothing. */
  prepare?(record: KafkaRecord): Promise<void> | null;
  /** What it throws makes the record a bad one, except ConfigError. */
  deserialize(record: KafkaRecord): T;
}

export function inOrder(bad: BadRecord[]): BadRecord[] {
  return bad.sort((a, b) => a.position - b.position);
}
