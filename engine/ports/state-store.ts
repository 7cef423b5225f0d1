/**
 * The job's small records: one mutable head, changed only by compare-and-set, and immutable items (plans, acks, manifests,
 * small segments). ARCHITECTURE sections 2 and 5. Implementations: memory, disk, DynamoDB; one contract suite.
 *
 * All reads are strongly consistent: they see every write that resolved before the read began.
 * Item keys are '/'-separated words of [A-Za-z0-9._=-]; lists are in ascending order of code units, so numbers in keys are
 * zero-padded by the caller.
 */
export interface VersionedHead {
  /** Grows by one with every successful compare-and-set; the first is 1. */
  readonly version: number;
  readonly bytes: Uint8Array;
}

export interface StateStore {
  readHead(job: string): Promise<VersionedHead | null>;
  /**
   * Replaces the head if its version is still `expected` (0: there is none yet). Durable when it resolves to 'won'.
   * Throws UnknownOutcomeError when it cannot tell (E3): the caller reads the head and goes by that.
   */
  casHead(job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'>;
  /** Create if absent. Durable when it resolves. Never a partly written item, whatever dies when. */
  createItem(job: string, key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  readItem(job: string, key: string): Promise<Uint8Array | null>;
  /** Keys that start with `prefix`, ascending. */
  listItems(job: string, prefix: string): Promise<readonly string[]>;
  /** Deleting what is not there is no error. */
  deleteItem(job: string, key: string): Promise<void>;
  /** Every job that has a head. */
  listJobs(): Promise<readonly string[]>;
}
