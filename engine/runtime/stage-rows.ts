/** Rows before a keyed stage: where their keys stand, and batches of rows made from others. */
import { BATCH_ROWS } from '../model/limits.ts';
import { ExchangeBatch } from '../operators/exchange-batch.ts';
import { address, type ExchangeLeaf } from './chain-leaf.ts';

/** The string column that holds the keys; null: they stand in `batch.keys`. */
export function columnOf({ key, keyColumn }: ExchangeLeaf): string | null {
  return keyColumn >= 0 && key.kind === 'field' ? key.field : null;
}

export function fresh(leaf: ExchangeLeaf): ExchangeBatch {
  const batch = new ExchangeBatch(BATCH_ROWS);
  address(leaf, batch);
  return batch;
}

export function emptied(batch: ExchangeBatch): ExchangeBatch {
  batch.n = 0;
  return batch;
}

function emptyLike(batch: ExchangeBatch): ExchangeBatch {
  const part = new ExchangeBatch(Math.max(16, batch.n));
  part.input = batch.input;
  part.isBroadcast = batch.isBroadcast;
  part.lazy = batch.lazy;
  part.source = batch.source;
  part.split = batch.split;
  part.rank = batch.rank;
  return part;
}

function copyRow(from: ExchangeBatch, j: number, to: ExchangeBatch): void {
  const n = to.n++;
  to.values[n] = from.values[j];
  to.index[n] = from.index[j]!;
  to.ts[n] = from.ts[j]!;
  to.wm[n] = from.wm[j]!;
  to.keyIds[n] = from.keyIds[j]!;
}

/** The rows by who owns their keys; broadcast ones go to all. */
export function dealtOut(batch: ExchangeBatch, owners: number, ownerOf: (id: number) => number): ExchangeBatch[] {
  const parts = Array.from({ length: owners }, () => emptyLike(batch));
  for (let j = 0; j < batch.n; j++) {
    if (batch.isBroadcast) for (const part of parts) copyRow(batch, j, part);
    else copyRow(batch, j, parts[ownerOf(batch.keyIds[j]!)]!);
  }
  return parts;
}

/** Rows by (watermark before, channel rank, position). */
export function inOrder(
  parts: readonly { readonly batch: ExchangeBatch; readonly rankBase: number }[],
): readonly { readonly batch: ExchangeBatch; readonly row: number }[] {
  const order: { readonly batch: ExchangeBatch; readonly row: number; readonly wm: number; readonly rank: number }[] =
    [];
  for (const { batch, rankBase } of parts) {
    for (let row = 0; row < batch.n; row++)
      order.push({ batch, row, wm: batch.wm[row]!, rank: rankBase + batch.channel[row]! });
  }
  return order.sort((a, b) => a.wm - b.wm || a.rank - b.rank);
}
