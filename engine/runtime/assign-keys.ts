/** The dense ids of a batch's keys; a key that is refused is told with the row it came from. */
import type { JobNode } from '../graph/job-graph.ts';
import type { ExchangeBatch } from '../operators/exchange-batch.ts';
import type { KeyIndex } from '../state/key-index.ts';
import { operatorFailure, RecordFailure } from './failures.ts';

interface Receiver {
  readonly job: string;
  readonly node: JobNode;
}

/** `column`: the string column that holds the keys; null: they are in `batch.keys`. */
export function assignKeys(to: Receiver, keys: KeyIndex, column: string | null, batch: ExchangeBatch): void {
  const { n } = batch;
  if (batch.isBroadcast) {
    batch.keyIds.fill(-1, 0, n);
    return;
  }
  if (column !== null) {
    const cols = batch.source!.cols!;
    const field = cols.fields.get(column)!;
    guardKeys(
      to,
      batch,
      () => keys.idsOfColumn(cols, field, batch.index, 0, n, batch.keyIds),
      () => keys.failedRow,
    );
    return;
  }
  let j = 0;
  guardKeys(
    to,
    batch,
    () => {
      const { keyIds, keys: values } = batch;
      for (; j < n; j++) keyIds[j] = keys.idOf(values[j]);
    },
    () => j,
  );
}

function guardKeys({ job, node }: Receiver, batch: ExchangeBatch, assign: () => void, row: () => number): void {
  try {
    assign();
  } catch (thrown) {
    const { source } = batch;
    const at = row();
    if (source === null) throw operatorFailure(job, node.name, `key of a row with timestamp ${batch.ts[at]}`, thrown);
    const i = batch.index[at]!;
    throw new RecordFailure(job, node.name, batch.split, source.positionOf(i), thrown, source.rawOf(i));
  }
}
