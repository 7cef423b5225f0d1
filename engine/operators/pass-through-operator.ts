/**
 * Rows go on as they are: the head of a stage whose rows were dealt out to partitions, for operators that need nothing more.
 *
 * In: rows with a partition's key. Out: the same rows, with the partition's key group as channel. No state. Watermarks pass.
 */
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorFactory } from './keyed-operator.ts';
import { StatelessStage } from './stateless-stage.ts';

export class PassThroughFactory implements KeyedOperatorFactory {
  readonly kind = 'partition';
  readonly needsTimestamps = false;
  create(): KeyedOperator {
    return new PassThroughOperator();
  }
}

class PassThroughOperator extends StatelessStage {
  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { output, keys } = this.ctx;
    const { lazy, values, index, ts, wm, keyIds } = batch;
    const row = lazy ? batch.source!.row! : null;
    for (let j = from; j < to; j++) {
      const group = keys.keyGroups[keyIds[j]!]!;
      const watermark = this.advance(group, Math.min(wm[j]!, cap));
      if (row !== null) row.__i = index[j]!;
      output.emit(row === null ? values[j] : row.__copy(), ts[j]!, watermark, group);
    }
  }
}
