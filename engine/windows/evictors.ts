/** Flink's evictors: CountEvictor, TimeEvictor, DeltaEvictor. */
import { ConfigError } from '../model/errors.ts';
import { NO_TIMESTAMP } from '../model/watermark.ts';
import type { DeltaFunction } from './delta-trigger.ts';
import { OneSidedEvictor, type EvictableElements } from './evictor.ts';

/** Keeps the last `maxCount` elements. */
export class CountEvictor extends OneSidedEvictor<unknown> {
  readonly maxCount: number;
  private constructor(maxCount: number, doEvictAfter: boolean) {
    super(doEvictAfter);
    this.maxCount = maxCount;
  }
  static of(maxCount: number, doEvictAfter = false): CountEvictor {
    return new CountEvictor(wholeNumber('CountEvictor', 'elements', maxCount), doEvictAfter);
  }
  protected evict(elements: EvictableElements<unknown>, size: number): void {
    if (size > this.maxCount) elements.removeIf((_, i) => i < size - this.maxCount);
  }
}

/** Keeps the elements of the last `windowMs`, counted from the largest timestamp among them. */
export class TimeEvictor extends OneSidedEvictor<unknown> {
  readonly windowMs: number;
  private constructor(windowMs: number, doEvictAfter: boolean) {
    super(doEvictAfter);
    this.windowMs = windowMs;
  }
  static of(windowMs: number, doEvictAfter = false): TimeEvictor {
    return new TimeEvictor(wholeNumber('TimeEvictor', 'milliseconds', windowMs), doEvictAfter);
  }
  protected evict(elements: EvictableElements<unknown>): void {
    if ((elements.at(0)?.timestamp ?? NO_TIMESTAMP) === NO_TIMESTAMP) return;
    let latest = NO_TIMESTAMP;
    for (const { timestamp } of elements) latest = Math.max(latest, timestamp);
    elements.removeIf(({ timestamp }) => timestamp <= latest - this.windowMs);
  }
}

/** Removes the elements that are `threshold` or more from the last one. */
export class DeltaEvictor<T> extends OneSidedEvictor<T> {
  readonly threshold: number;
  private readonly delta: DeltaFunction<T>;
  private constructor(threshold: number, delta: DeltaFunction<T>, doEvictAfter: boolean) {
    super(doEvictAfter);
    this.threshold = threshold;
    this.delta = delta;
  }
  static of<T>(threshold: number, delta: DeltaFunction<T>, doEvictAfter = false): DeltaEvictor<T> {
    return new DeltaEvictor<T>(threshold, delta, doEvictAfter);
  }
  protected evict(elements: EvictableElements<T>, size: number): void {
    const last = elements.at(size - 1);
    if (last !== undefined) elements.removeIf(({ value }) => this.delta(value, last.value) >= this.threshold);
  }
}

function wholeNumber(name: string, of: string, n: number): number {
  if (Number.isSafeInteger(n) && n >= 0) return n;
  throw new ConfigError(`${name}.of takes a whole number of ${of}, 0 or more; got ${n}.`);
}
