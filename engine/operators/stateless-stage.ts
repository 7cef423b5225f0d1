/** What operators with a stage of their own and no keyed state have in common: a watermark per key group, and nothing to keep. */
import { ConfigError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext } from './keyed-operator.ts';

export abstract class StatelessStage implements KeyedOperator {
  failedRow = -1;
  protected ctx!: KeyedOperatorContext;
  /** Per key group, from the first. */
  private watermarks = new Float64Array(0);

  open(ctx: KeyedOperatorContext): void | Promise<void> {
    this.ctx = ctx;
    this.watermarks = new Float64Array(ctx.keyGroups[1] - ctx.keyGroups[0]).fill(MIN_WATERMARK);
  }

  abstract process(batch: ExchangeBatch, from: number, to: number, cap: number): void;

  /** Raises the key group's watermark to `watermark`, and answers where it stands. */
  advance(keyGroup: number, watermark: number): number {
    const g = keyGroup - this.ctx.keyGroups[0];
    if (watermark > this.watermarks[g]!) this.watermarks[g] = watermark;
    return this.watermarks[g]!;
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
  }

  restore(_key: unknown, name: string): void {
    throw new ConfigError(
      `operator "${this.ctx.name}" has state "${name}" in the checkpoint, and now keeps none. Give it another uid, or restore with the old one.`,
    );
  }
  restoreRemoved(): void {
    // Nothing to forget.
  }
  beginEpoch(_clockMs: number): void {
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
  close(): void | Promise<void> {
    // Nothing open.
  }
}
