/**
 * Rows on their way to a keyed operator: what a chain writes and the operator reads, column by column.
 *
 * A row is either a value of its own (`values[j]`) or, with a declared schema, row `index[j]` of `source`'s cursor (`lazy`).
 * `wm[j]` is the watermark in force *before* the row on its channel (ARCHITECTURE section 3). Rows stand in channel order.
 * Columns are reused: nothing may keep a reference to them after the operator has returned.
 */
import type { SourceBatch } from '../model/source-batch.ts';

export class ExchangeBatch {
  n = 0;
  capacity: number;
  lazy = false;
  values: unknown[];
  index: Int32Array;
  ts: Float64Array;
  wm: Float64Array;
  /** Keys as the selector returned them; not used when the key is a column. */
  keys: unknown[];
  keyIds: Int32Array;
  /** Key group of the sending stage, for rows of a keyed stage; the channel of each row. */
  channel: Int32Array;
  /** The source rows behind `index`: origin of every row, and its data when lazy. Null after an aggregation. */
  source: SourceBatch | null = null;
  /** Which input of the operator the rows are for: 0, or 1 for the second of connected streams. */
  input = 0;
  /** The rows go to every subtask and have no key: `keyIds` are −1. */
  isBroadcast = false;
  /** Position of this batch's channel in channel order. */
  rank = 0;
  split = '';

  constructor(capacity: number) {
    this.capacity = capacity;
    this.values = new Array<unknown>(capacity).fill(null);
    this.index = new Int32Array(capacity);
    this.ts = new Float64Array(capacity);
    this.wm = new Float64Array(capacity);
    this.keys = new Array<unknown>(capacity).fill(null);
    this.keyIds = new Int32Array(capacity);
    this.channel = new Int32Array(capacity);
  }

  /** Doubles the columns: a flatMap made more rows than came in. */
  grow(): void {
    const capacity = this.capacity * 2;
    for (let i = this.capacity; i < capacity; i++) {
      this.values.push(null);
      this.keys.push(null);
    }
    this.index = copyInts(this.index, capacity);
    this.ts = copyDoubles(this.ts, capacity);
    this.wm = copyDoubles(this.wm, capacity);
    this.keyIds = copyInts(this.keyIds, capacity);
    this.channel = copyInts(this.channel, capacity);
    this.capacity = capacity;
  }
}

function copyInts(old: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(old);
  return larger;
}

function copyDoubles(old: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length);
  larger.set(old);
  return larger;
}
