/**
 * When something of a stage's records in the table is next due, by key group: what the base says, and what queries have found since. Groups in
 * which nothing can be due are not asked. Times are bounds: nothing is due before.
 */
import type { TableRef } from '../../checkpoint/records.ts';
import type { KeyTimeDomain } from '../../ports/state-table.ts';

/** The key groups fall into at most so many even ranges. */
const RANGES = 128;

export class DueInTable {
  private readonly first: number;
  private readonly bounds: Readonly<Record<KeyTimeDomain, Float64Array>>;

  /** Of key groups [from, to). */
  constructor([from, to]: readonly [number, number]) {
    this.first = from;
    const length = to - from;
    this.bounds = {
      'event-time': new Float64Array(length).fill(Infinity),
      'processing-time': new Float64Array(length).fill(Infinity),
    };
  }

  /** A new base. */
  begin(due: TableRef['due'][string], maxParallelism: number): void {
    const width = rangeWidth(maxParallelism);
    for (let g = 0; g < this.bounds['event-time'].length; g++) {
      const [eventTime, processingTime] = due[Math.floor((g + this.first) / width)] ?? [null, null];
      this.bounds['event-time'][g] = restoredTime(eventTime);
      this.bounds['processing-time'][g] = restoredTime(processingTime);
    }
  }

  /** Of key groups [start, end) those in which something may be due by then, and since when. */
  groupsDue(
    domain: KeyTimeDomain,
    until: number,
    start: number,
    end: number,
  ): { readonly keyGroup: number; readonly from: number }[] {
    const groups: { keyGroup: number; from: number }[] = [];
    for (let keyGroup = start; keyGroup < end; keyGroup++) {
      const from = this.bounds[domain][keyGroup - this.first]!;
      if (from <= until) groups.push({ keyGroup, from });
    }
    return groups;
  }

  /** Everything of the group up to there has been found. */
  note(domain: KeyTimeDomain, keyGroup: number, next: number): void {
    this.bounds[domain][keyGroup - this.first] = next;
  }

  /** Something of the group is due then. */
  lower(domain: KeyTimeDomain, keyGroup: number, time: number): void {
    const bounds = this.bounds[domain];
    const g = keyGroup - this.first;
    bounds[g] = Math.min(bounds[g]!, time);
  }

  next(domain: KeyTimeDomain): number {
    return this.bounds[domain].reduce((least, time) => Math.min(least, time), Infinity);
  }
}

/** Ranges of key groups, as a base counts them: [from, to). */
export function rangesOf(maxParallelism: number): (readonly [from: number, to: number])[] {
  const width = rangeWidth(maxParallelism);
  const count = Math.ceil(maxParallelism / width);
  return Array.from({ length: count }, (_, i) => [i * width, Math.min(maxParallelism, (i + 1) * width)] as const);
}

const rangeWidth = (maxParallelism: number): number => Math.ceil(maxParallelism / RANGES);

/** JSON knows no infinities. */
export const storedTime = (time: number): number | null =>
  time === Infinity ? null : Math.max(time, -Number.MAX_VALUE);
export const restoredTime = (time: number | null): number =>
  time === null ? Infinity : time === -Number.MAX_VALUE ? -Infinity : time;
