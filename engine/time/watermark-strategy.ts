/**
 * How timestamps are read from records and watermarks follow from them (Flink: WatermarkStrategy).
 *
 * A generator belongs to one split and its state to the epoch's manifest (ARCHITECTURE section 3). The watermark in force
 * before a record is what the records before it on the same split imply; nothing depends on a wall clock.
 * Bounded out-of-orderness is `max timestamp − delay − 1 ms`, as in Flink's BoundedOutOfOrdernessWatermarks.
 */
import { ConfigError } from '../model/errors.ts';

/** Returns the event time of `element`, epoch milliseconds. `recordTimestamp` is the source's own, or MIN_WATERMARK. */
export type TimestampAssigner<T> = (element: T, recordTimestamp: number) => number;

export type WatermarkRule = { readonly kind: 'none' } | { readonly kind: 'bounded'; readonly delayMs: number };

/** A strategy whose record type no longer matters: what operators hold. */
export interface UntypedWatermarkStrategy {
  readonly rule: WatermarkRule;
  readonly assigner: TimestampAssigner<never> | null;
  readonly idlenessMs: number | null;
}

export class WatermarkStrategy<T> {
  readonly rule: WatermarkRule;
  readonly assigner: TimestampAssigner<T> | null;
  /** Milliseconds of plan-clock time without input after which a split no longer holds back the watermark; null: never. */
  readonly idlenessMs: number | null;

  private constructor(rule: WatermarkRule, assigner: TimestampAssigner<T> | null, idlenessMs: number | null) {
    this.rule = rule;
    this.assigner = assigner;
    this.idlenessMs = idlenessMs;
  }

  /** No watermarks: event-time timers and windows never fire before the end of the input. */
  static noWatermarks<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ kind: 'none' }, null, null);
  }

  /** Timestamps never fall on a split: watermark = max − 1 ms. */
  static forMonotonousTimestamps<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ kind: 'bounded', delayMs: 0 }, null, null);
  }

  /** Records arrive at most `delayMs` milliseconds behind the newest one of their split: watermark = max − delay − 1 ms. */
  static forBoundedOutOfOrderness<T>(delayMs: number): WatermarkStrategy<T> {
    if (!Number.isSafeInteger(delayMs) || delayMs < 0) {
      throw new ConfigError(
        `forBoundedOutOfOrderness takes a whole number of milliseconds, 0 or more; got ${delayMs}. Use Duration.ofSeconds(5), for example.`,
      );
    }
    return new WatermarkStrategy<T>({ kind: 'bounded', delayMs }, null, null);
  }

  withTimestampAssigner<U extends T>(assigner: TimestampAssigner<U>): WatermarkStrategy<U> {
    return new WatermarkStrategy<U>(this.rule, assigner, this.idlenessMs);
  }

  withIdleness(idlenessMs: number): WatermarkStrategy<T> {
    if (!(idlenessMs > 0))
      throw new ConfigError(`withIdleness takes a positive number of milliseconds; got ${idlenessMs}.`);
    return new WatermarkStrategy<T>(this.rule, this.assigner, idlenessMs);
  }
}
