/**
 * How timestamps are read from records and watermarks follow from them (Flink: WatermarkStrategy).
 *
 * A generator belongs to one split and its state to the epoch's manifest (ARCHITECTURE section 3). The watermark in force
 * before a record is what the records before it on the same split imply; nothing depends on a wall clock.
 * Bounded out-of-orderness is `max timestamp − delay − 1 ms`, as in Flink's BoundedOutOfOrdernessWatermarks.
 */
import { ConfigError } from '../model/errors.ts';
import { IngestionTimeAssigner } from './ingestion-time.ts';
import { checkDelay, type WatermarkGenerator, type WatermarkGeneratorSupplier } from './watermark-generator.ts';

/** Returns the event time of `element`, epoch milliseconds. `recordTimestamp` is the source's own, or MIN_WATERMARK. */
export type TimestampAssigner<T> = (element: T, recordTimestamp: number) => number;

export type WatermarkRule =
  | { readonly kind: 'none' }
  | { readonly kind: 'bounded'; readonly delayMs: number }
  | { readonly kind: 'custom'; readonly make: WatermarkGeneratorSupplier<never> };

/** Splits of all sources of the group: none is read further than `maxDriftMs` ahead of the slowest. */
export interface WatermarkAlignmentParams {
  readonly group: string;
  readonly maxDriftMs: number;
}

/** A strategy whose record type no longer matters: what operators hold. */
export interface UntypedWatermarkStrategy {
  readonly rule: WatermarkRule;
  readonly assigner: TimestampAssigner<never> | IngestionTimeAssigner | null;
  readonly idlenessMs: number | null;
  readonly alignment: WatermarkAlignmentParams | null;
}

/** What a strategy consists of; `null`: not said. */
interface Parts<T> {
  readonly rule: WatermarkRule;
  readonly assigner: TimestampAssigner<T> | IngestionTimeAssigner | null;
  readonly idlenessMs: number | null;
  readonly alignment: WatermarkAlignmentParams | null;
}

const UNSAID = { assigner: null, idlenessMs: null, alignment: null } as const;

export class WatermarkStrategy<T> {
  readonly rule: WatermarkRule;
  readonly assigner: TimestampAssigner<T> | IngestionTimeAssigner | null;
  /** Milliseconds of plan-clock time without input after which a split no longer holds back the watermark; null: never. */
  readonly idlenessMs: number | null;
  readonly alignment: WatermarkAlignmentParams | null;

  private constructor(parts: Parts<T>) {
    this.rule = parts.rule;
    this.assigner = parts.assigner;
    this.idlenessMs = parts.idlenessMs;
    this.alignment = parts.alignment;
  }

  /** No watermarks: event-time timers and windows never fire before the end of the input. */
  static noWatermarks<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ ...UNSAID, rule: { kind: 'none' } });
  }

  /** Timestamps never fall on a split: watermark = max − 1 ms. */
  static forMonotonousTimestamps<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ ...UNSAID, rule: { kind: 'bounded', delayMs: 0 } });
  }

  /** Records arrive at most `delayMs` milliseconds behind the newest one of their split: watermark = max − delay − 1 ms. */
  static forBoundedOutOfOrderness<T>(delayMs: number): WatermarkStrategy<T> {
    const rule = { kind: 'bounded', delayMs: checkDelay(delayMs, 'forBoundedOutOfOrderness') } as const;
    return new WatermarkStrategy<T>({ ...UNSAID, rule });
  }

  /** A generator of your own, one for each split (Flink: forGenerator). */
  static forGenerator<T>(make: WatermarkGeneratorSupplier<T>): WatermarkStrategy<T> {
    if (typeof make !== 'function')
      throw new ConfigError('forGenerator takes a function that makes a generator: (ctx) => new MyGenerator().');
    const untyped = make as (ctx: { readonly splitId: string }) => WatermarkGenerator<never>;
    return new WatermarkStrategy<T>({ ...UNSAID, rule: { kind: 'custom', make: untyped } });
  }

  /** Where the timestamp is; without it, the source's own: a log's append time. `new IngestionTimeAssigner()`: the epoch's clock. */
  withTimestampAssigner<U extends T>(assigner: TimestampAssigner<U> | IngestionTimeAssigner): WatermarkStrategy<U> {
    if (typeof assigner !== 'function' && !(assigner instanceof IngestionTimeAssigner))
      throw new ConfigError(
        'withTimestampAssigner takes a function (record, sourceTimestamp) => milliseconds, or an IngestionTimeAssigner.',
      );
    const { rule, idlenessMs, alignment } = this;
    return new WatermarkStrategy<U>({ rule, assigner, idlenessMs, alignment });
  }

  /** A split with nothing to read for so long, by the plans' clocks, no longer holds back the watermark. */
  withIdleness(idlenessMs: number): WatermarkStrategy<T> {
    if (!(idlenessMs > 0))
      throw new ConfigError(`withIdleness takes a positive number of milliseconds; got ${idlenessMs}.`);
    const { rule, assigner, alignment } = this;
    return new WatermarkStrategy<T>({ rule, assigner, idlenessMs, alignment });
  }

  /**
   * A split whose watermark is more than `maxDriftMs` ahead of the slowest split in the group, over all its sources, waits: it is not
   * read further, and is not idle. Splits that are idle or have ended hold nobody back. Flink's third argument is taken and has
   * no meaning here: drift is looked at before every batch, and between workers at every plan.
   */
  withWatermarkAlignment(group: string, maxDriftMs: number, _updateIntervalMs?: number): WatermarkStrategy<T> {
    if (typeof group !== 'string' || group === '')
      throw new ConfigError(`withWatermarkAlignment takes the name of the group; got ${JSON.stringify(group)}.`);
    if (this.rule.kind === 'none') {
      throw new ConfigError(
        `withWatermarkAlignment('${group}') on noWatermarks(): there are no watermarks to align. Use forBoundedOutOfOrderness, for example.`,
      );
    }
    const alignment = { group, maxDriftMs: checkDelay(maxDriftMs, 'withWatermarkAlignment') };
    const { rule, assigner, idlenessMs } = this;
    return new WatermarkStrategy<T>({ rule, assigner, idlenessMs, alignment });
  }
}
