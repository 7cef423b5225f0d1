/**
 * Keyed state far larger than memory: one record per (operator, key), read by key, and an index of when records are due (ARCHITECTURE
 * section 5, backend `table`). Implementations: memory, DynamoDB; one contract suite.
 *
 * 1. All reads are strongly consistent: they see every write that resolved before the read began.
 * 2. A record's epoch only grows. A write names the record that it replaces, and changes nothing where that is not the one there.
 * 3. A key that has a live record due at t is among those `due` answers with for t. It may name more: what it says is a hint, the record
 *    decides.
 *
 * Keys are canonical bytes (state/key-bytes.ts). Times are epoch milliseconds; Infinity: never.
 */
export interface TablePlace {
  readonly job: string;
  /** Chosen by the run that made the table (a word); states of different histories never share one. */
  readonly namespace: string;
  readonly operator: string;
}

export interface KeyAddress {
  readonly keyGroup: number;
  readonly key: Uint8Array;
}

export interface KeyTimes {
  /** When the key's next event-time timer is due; Infinity: never. */
  readonly eventTime: number;
  readonly processingTime: number;
}

export interface KeyRecord extends KeyTimes {
  /** Everything up to this epoch is in it. */
  readonly epoch: number;
  /** Null: the key has no state any more (kept for a day, so that a late writer of an older epoch finds it). */
  readonly bytes: Uint8Array | null;
}

export interface RecordWrite extends KeyAddress {
  readonly record: KeyRecord;
  /** What `read` answered with; null: there was none. */
  readonly was: KeyRecord | null;
}

export type KeyTimeDomain = 'event-time' | 'processing-time';

export interface DueKeys {
  readonly keys: readonly Uint8Array[];
  /** The first time after the range that something may be due; Infinity: none. */
  readonly next: number;
}

export interface StateTable {
  /** The records of the keys, in their order; null: none. */
  read(place: TablePlace, keys: readonly KeyAddress[]): Promise<readonly (KeyRecord | null)[]>;
  /**
   * 'changed': the record there was not `was` (any more); nothing was done. A record of the same epoch counts as written: what belongs in it
   * is a matter of the epoch alone. Durable when it resolves. Writes of one call are independent of each other.
   */
  write(place: TablePlace, writes: readonly RecordWrite[]): Promise<readonly ('written' | 'changed')[]>;
  /** Keys of the group with a time in [from, until]. */
  due(place: TablePlace, keyGroup: number, domain: KeyTimeDomain, from: number, until: number): Promise<DueKeys>;
  /** Every live record of the key group, some at a time, in no order. */
  scan(place: TablePlace, keyGroup: number): AsyncIterable<readonly (KeyAddress & { readonly record: KeyRecord })[]>;
  /** Namespaces in which the job has something. */
  namespaces(job: string): Promise<readonly string[]>;
  /** Forgets a namespace. Repeatable: a crash in the middle leaves the rest to the next one. */
  drop(job: string, namespace: string): Promise<void>;
}
