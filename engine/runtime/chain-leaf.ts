/** Where a compiled chain ends: in the exchange before a keyed stage, or in a sink's writer. */
import type { Exchange, JobNode } from '../graph/job-graph.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import { partitionKeys } from '../state/key-in-group.ts';
import { ExchangeBatch } from '../operators/exchange-batch.ts';

export interface ExchangeLeaf {
  readonly kind: 'exchange';
  readonly key: Exchange;
  /** uid of the receiving keyed operator. */
  readonly to: string;
  /** Which of its inputs. */
  readonly input: number;
  /** Rows are appended here; the owner replaces or empties it between runs. */
  batch: ExchangeBatch;
  /** Rows wait until the end of the epoch: they must not refer to reused rows. */
  readonly buffered: boolean;
  /** Watermark of the channel after the last row of the last run. */
  wmEnd: number;
  /** Set by the compiler: the key is this column of a declared schema; −1: keys are in `batch.keys`. */
  keyColumn: number;
  /** The keys of the partitions that rows are dealt out to. */
  readonly partitionKeys: readonly number[];
  /** The partition of the split whose rows come, where partitions are forwarded. */
  partition: number;
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

export function exchangeLeaf(
  { to, key, input }: { readonly to: JobNode; readonly key: Exchange; readonly input: number },
  buffered: boolean,
  maxParallelism: number,
): ExchangeLeaf {
  const leaf: ExchangeLeaf = {
    kind: 'exchange',
    key,
    to: to.uid,
    input,
    batch: new ExchangeBatch(BATCH_ROWS),
    buffered,
    wmEnd: MIN_WATERMARK,
    keyColumn: -1,
    partitionKeys: key.kind === 'partition' ? partitionKeys(key.partitions, maxParallelism) : [],
    partition: 0,
  };
  address(leaf, leaf.batch);
  return leaf;
}

/** Makes an empty batch one of the leaf's. */
export function address(leaf: ExchangeLeaf, batch: ExchangeBatch): void {
  batch.input = leaf.input;
  batch.isBroadcast = leaf.key.kind === 'broadcast';
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
