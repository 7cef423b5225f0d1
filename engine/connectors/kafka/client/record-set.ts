/**
 * The record batches of one fetch answer (record format v2, KIP-98), decoded into columns: no object a record. Control batches, aborted
 * transactions' records (read_committed) and records before the asked offset are passed over; a batch cut off at the answer's end is left for
 * the next fetch; a checksum that does not fit is a CorruptionError. Compacted batches leave gaps in the offsets.
 */
export interface RecordColumns {
  /** Records. */
  n: number;
  offsets: Float64Array;
  /** Epoch milliseconds: the producer's, or the append time (`logAppendTime`); −1 where the producer set none. */
  timestamps: Float64Array;
  /** What the ranges below point into; a decompressed batch is a piece of its own. */
  readonly chunks: Uint8Array[];
  /** Index in `chunks`. */
  chunk: Uint32Array;
  /** Byte range [start, end) in the chunk; start −1 is null. */
  keyStart: Int32Array;
  keyEnd: Int32Array;
  valueStart: Int32Array;
  valueEnd: Int32Array;
  /** Where the record's headers begin, and how many there are: decoded only when asked for. */
  headersStart: Int32Array;
  headerCount: Int32Array;
  /** Offset after the last decoded batch, passed-over ones included: where the next fetch begins. */
  nextOffset: number;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface RecordSet {
  /** As the broker sent it. */
  readonly bytes: Uint8Array;
  /** Null: read_uncommitted, nothing is passed over. */
  readonly aborted: readonly AbortedTransaction[] | null;
}
