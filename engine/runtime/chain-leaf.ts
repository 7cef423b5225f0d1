/** Where a compiled chain ends: in the exchange before a keyed stage, or in a sink's writer. */
import type { KeySelection } from '../graph/stream-graph.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import { ExchangeBatch } from '../operators/exchange-batch.ts';

export interface ExchangeLeaf {
  readonly kind: 'exchange';
  readonly key: KeySelection;
  /** uid of the receiving keyed operator. */
  readonly to: string;
  /** Rows are appended here; the owner replaces or empties it between runs. */
  batch: ExchangeBatch;
  /** Rows wait until the end of the epoch: they must not refer to reused rows. */
  readonly buffered: boolean;
  /** Watermark of the channel after the last row of the last run. */
  wmEnd: number;
  /** Set by the compiler: the key is this column of a declared schema; −1: keys are in `batch.keys`. */
  keyColumn: number;
}

export interface SinkLeaf {
  readonly kind: 'sink';
  /** uid of the sink operator. */
  readonly to: string;
  n: number;
  capacity: number;
  readonly values: unknown[];
  ts: Float64Array;
  wmEnd: number;
}

export type ChainLeaf = ExchangeLeaf | SinkLeaf;

export function exchangeLeaf(to: string, key: KeySelection, buffered: boolean): ExchangeLeaf {
  return {
    kind: 'exchange',
    key,
    to,
    batch: new ExchangeBatch(BATCH_ROWS),
    buffered,
    wmEnd: MIN_WATERMARK,
    keyColumn: -1,
  };
}

export function sinkLeaf(to: string): SinkLeaf {
  return {
    kind: 'sink',
    to,
    n: 0,
    capacity: BATCH_ROWS,
    values: new Array<unknown>(BATCH_ROWS).fill(null),
    ts: new Float64Array(BATCH_ROWS),
    wmEnd: MIN_WATERMARK,
  };
}

export function growSinkLeaf(leaf: SinkLeaf): void {
  const ts = new Float64Array(leaf.capacity * 2);
  ts.set(leaf.ts);
  leaf.ts = ts;
  for (let i = leaf.capacity; i < leaf.capacity * 2; i++) leaf.values.push(null);
  leaf.capacity *= 2;
}
