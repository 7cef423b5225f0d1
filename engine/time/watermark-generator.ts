/**
 * Watermark generators of the user's own (Flink: WatermarkGenerator), and Flink's two usual ones to build on.
 *
 * One instance per split. It sees the split's records in order and nothing else, so its watermarks follow from the input (E7). Its state
 * is in the epoch's manifest: `snapshotState` is asked for it at the end of every epoch, `restoreState` gets it back. Without the two, a
 * generator begins anew after a restart; the watermark never falls below the last one emitted either way.
 */
import { ConfigError } from '../model/errors.ts';

export interface WatermarkOutput {
  /** No record before `timestamp` (epoch milliseconds) is expected any more. A lower one than before changes nothing. */
  emitWatermark(timestamp: number): void;
  /** The split holds nobody back until the next watermark, or `markActive`. */
  markIdle(): void;
  markActive(): void;
}

export interface WatermarkGenerator<T> {
  /** Each record of the split, after it has been passed on: what is emitted here is in force before the next one. */
  onEvent(event: T, eventTimestamp: number, output: WatermarkOutput): void | undefined;
  /** After each record, so that nothing hangs on a wall clock (Flink: every 200 ms). */
  onPeriodicEmit?(output: WatermarkOutput): void | undefined;
  /** What `restoreState` needs to go on: plain values, as in keyed state, and small. */
  snapshotState?(): unknown;
  restoreState?(state: unknown): void;
}

export interface WatermarkGeneratorContext {
  /** `<source uid>/<split>`. */
  readonly splitId: string;
}

export type WatermarkGeneratorSupplier<T> = (ctx: WatermarkGeneratorContext) => WatermarkGenerator<T>;

/** What `forBoundedOutOfOrderness` uses, to extend or wrap: watermark = newest timestamp − delay − 1 ms. */
export class BoundedOutOfOrdernessWatermarks<T> implements WatermarkGenerator<T> {
  private newest: number;
  private readonly delayMs: number;

  constructor(delayMs: number) {
    this.delayMs = checkDelay(delayMs, 'BoundedOutOfOrdernessWatermarks');
    this.newest = Number.NEGATIVE_INFINITY;
  }
  onEvent(_event: T, eventTimestamp: number, _output: WatermarkOutput): void {
    if (eventTimestamp > this.newest) this.newest = eventTimestamp;
  }
  onPeriodicEmit(output: WatermarkOutput): void {
    if (this.newest !== Number.NEGATIVE_INFINITY) output.emitWatermark(this.newest - this.delayMs - 1);
  }
  snapshotState(): unknown {
    return this.newest;
  }
  restoreState(state: unknown): void {
    this.newest = state as number;
  }
}

/** What `forMonotonousTimestamps` uses: watermark = newest timestamp − 1 ms. */
export class AscendingTimestampsWatermarks<T> extends BoundedOutOfOrdernessWatermarks<T> {
  constructor() {
    super(0);
  }
}

/** The delay, or a ConfigError naming `what` was given it. */
export function checkDelay(delayMs: number, what: string): number {
  if (Number.isSafeInteger(delayMs) && delayMs >= 0) return delayMs;
  throw new ConfigError(
    `${what} takes a whole number of milliseconds, 0 or more; got ${delayMs}. Use Duration.ofSeconds(5), for example.`,
  );
}
