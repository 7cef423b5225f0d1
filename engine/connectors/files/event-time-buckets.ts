/**
 * Buckets by time, for files of partitioned tables: `dt=2024-01-31/hour=13`.
 *
 *     EventTimeBuckets.hourly<Order>()                         // the row's event time
 *     EventTimeBuckets.daily<Order>().withTimestamp((o) => o.at)
 *     EventTimeBuckets.ofPattern<Order>("yyyy/MM/dd--HH").withZone('+02:00')
 *
 * A bucket's name says when it ends, so that it can be marked complete when the watermark has passed its end.
 */
import { ConfigError } from '../../model/errors.ts';
import { NO_TIMESTAMP } from '../../model/watermark.ts';
import { DatePattern } from './date-pattern.ts';
import type { TimedBucketAssigner } from './file-sink.ts';

interface BucketOptions<T> {
  readonly timestampOf: ((value: T) => number | null) | null;
  readonly offsetMs: number;
  readonly untimed: string | null;
}

/** Beyond them there is no year of four digits. */
const MIN_BUCKET_MS = Date.parse('0001-01-01T00:00:00Z');
const MAX_BUCKET_MS = Date.parse('9999-12-31T00:00:00Z') + 86_400_000;

export class EventTimeBuckets<T> implements TimedBucketAssigner<T> {
  readonly #pattern: DatePattern;
  readonly #options: BucketOptions<T>;
  /** The bucket of the last row: most rows are in it. */
  #last = { from: 0, to: 0, name: '' };

  /** `dt=2024-01-31` */
  static daily<T = unknown>(): EventTimeBuckets<T> {
    return EventTimeBuckets.ofPattern("'dt='yyyy-MM-dd");
  }

  /** `dt=2024-01-31/hour=13` */
  static hourly<T = unknown>(): EventTimeBuckets<T> {
    return EventTimeBuckets.ofPattern("'dt='yyyy-MM-dd/'hour='HH");
  }

  /** As Flink's DateTimeBucketAssigner, by event time: `yyyy`, `MM`, `dd`, `HH`, `mm`, largest unit first; other letters in quotes. */
  static ofPattern<T = unknown>(pattern: string): EventTimeBuckets<T> {
    return new EventTimeBuckets(new DatePattern(pattern), { timestampOf: null, offsetMs: 0, untimed: null });
  }

  /** Use `daily`, `hourly` or `ofPattern`. */
  constructor(pattern: DatePattern, options: BucketOptions<T>) {
    this.#pattern = pattern;
    this.#options = options;
  }

  /** Epoch milliseconds of a row, instead of its event time. Null: it has none. */
  withTimestamp(timestampOf: (value: T) => number | null): EventTimeBuckets<T> {
    return new EventTimeBuckets(this.#pattern, { ...this.#options, timestampOf });
  }

  /** `UTC` (the default) or a fixed offset such as `+05:30`. */
  withZone(zone: string): EventTimeBuckets<T> {
    return new EventTimeBuckets(this.#pattern, { ...this.#options, offsetMs: offsetOf(zone) });
  }

  /** Where rows without a timestamp go, e.g. `dt=unknown`; it ends with the input. Without it such a row is an error. */
  withDefaultBucket(name: string): EventTimeBuckets<T> {
    if (this.#pattern.startOf(name) !== null)
      throw new ConfigError(
        `withDefaultBucket(${JSON.stringify(name)}): this is the bucket of a time; give another name.`,
      );
    return new EventTimeBuckets(this.#pattern, { ...this.#options, untimed: name });
  }

  bucketOf(value: T, timestamp: number): string {
    const { timestampOf, offsetMs, untimed } = this.#options;
    const at = timestampOf === null ? (timestamp === NO_TIMESTAMP ? null : timestamp) : timestampOf(value);
    if (at === null || at === undefined) {
      if (untimed !== null) return untimed;
      throw new Error(
        'a row without a timestamp has no bucket: assign timestamps (WatermarkStrategy.withTimestampAssigner), give EventTimeBuckets withTimestamp(row => …), or withDefaultBucket("dt=unknown").',
      );
    }
    const local = at + offsetMs;
    if (local >= this.#last.from && local < this.#last.to) return this.#last.name;
    if (!(local >= MIN_BUCKET_MS && local < MAX_BUCKET_MS))
      throw new Error(`the timestamp ${at} has no bucket: it must be epoch milliseconds of the years 1 to 9999.`);
    const name = this.#pattern.format(local);
    const from = this.#pattern.startOf(name)!;
    this.#last = { from, to: this.#pattern.next(from), name };
    return name;
  }

  /** When the bucket ends (exclusive), in epoch milliseconds; null: it is none of a time. */
  endOf(bucket: string): number | null {
    const start = this.#pattern.startOf(bucket);
    return start === null ? null : this.#pattern.next(start) - this.#options.offsetMs;
  }
}

function offsetOf(zone: string): number {
  if (zone === 'UTC' || zone === 'Z') return 0;
  const match = /^([+-])(\d\d):(\d\d)$/.exec(zone);
  if (match === null || Number(match[2]) > 18 || Number(match[3]) > 59) {
    throw new ConfigError(
      `withZone(${JSON.stringify(zone)}): give "UTC" or a fixed offset such as "+05:30". Zones with summer time have hours that come twice, so their buckets would not say when they end.`,
    );
  }
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
}
