/**
 * Rows go on as they are: the head of a stage whose rows were dealt out to partitions, for operators that need nothing more.
 *
 * In: rows with a partition's key. Out: the same rows, with the partition's key group as channel. No state. Watermarks pass.
 */
import { ConfigError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from './keyed-operator.ts';

export class PassThroughFactory implements KeyedOperatorFactory {
  readonly kind = 'partition';
  readonly needsTimestamps = false;
  create(): KeyedOperator {
    return new PassThroughOperator();
  }
}

class PassThroughOperator implements KeyedOperator {
  readonly failedRow = -1;
  private ctx!: KeyedOperatorContext;
  /** Per key group, from the first. */
  private watermarks = new Float64Array(0);

  open(ctx: KeyedOperatorContext): void {
    this.ctx = ctx;
    this.watermarks = new Float64Array(ctx.keyGroups[1] - ctx.keyGroups[0]).fill(MIN_WATERMARK);
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { output, keys, keyGroups } = this.ctx;
    const [first] = keyGroups;
    const { lazy, values, index, ts, wm, keyIds } = batch;
    const row = lazy ? batch.source!.row! : null;
    for (let j = from; j < to; j++) {
      const group = keys.keyGroups[keyIds[j]!]!;
      const g = group - first;
      const watermark = Math.max(this.watermarks[g]!, Math.min(wm[j]!, cap));
      this.watermarks[g] = watermark;
      if (row !== null) row.__i = index[j]!;
      output.emit(row === null ? values[j] : row.__copy(), ts[j]!, watermark, group);
    }
  }

  advance(keyGroup: number, watermark: number): void {
    const g = keyGroup - this.ctx.keyGroups[0];
    this.watermarks[g] = Math.max(this.watermarks[g]!, watermark);
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
  }

  restore(_key: unknown, name: string): void {
    throw new ConfigError(
      `operator "${this.ctx.name}" has state "${name}" in the checkpoint, and now only hands rows on. Give it another uid, or restore with the old one.`,
    );
  }
  restoreRemoved(): void {
    // Nothing to forget.
  }
  beginEpoch(): void {
    // No clock.
  }
  advanceProcessingTime(): void {
    // No timers.
  }
  snapshot(): void {
    // No state.
  }
  dump(): void {
    // No state.
  }
  nextEventTimer(): number {
    return Infinity;
  }
  nextProcessingTimer(): number {
    return Infinity;
  }
  isLive(): boolean {
    return false;
  }
  close(): void {
    // Nothing open.
  }
}
