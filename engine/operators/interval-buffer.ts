/**
 * One side of an interval join: the rows of each key in order of their timestamps, in buckets of equal ones.
 *
 * A bucket is stored as an entry (key, name of the side, timestamp) → rows, in the order in which they came. Rows go in the order of
 * time, from the front, so a key's buckets lie in one array behind its head.
 */
import type { KeyIndex } from '../state/key-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { checkStorable, isPlainlyStorable } from '../state/storable.ts';

export interface Bucket {
  readonly id: number;
  readonly ts: number;
  readonly rows: unknown[];
  /** It is in stored state; it has changed since; it has been dropped. */
  isStored: boolean;
  isChanged: boolean;
  isGone: boolean;
}

interface Row {
  buckets: Bucket[];
  /** Buckets before it have been dropped. */
  head: number;
}

/** Fewer dropped buckets than that stay where they are. */
const COMPACT_FROM = 32;
/** Deep checks of this many first rows; after that the top level only. */
const DEEP_CHECKS = 64;

export class IntervalBuffer {
  readonly name: string;
  private readonly operator: string;
  private readonly keys: KeyIndex;
  private readonly byId: (Row | undefined)[] = [];
  private changed: Bucket[] = [];
  /** How many of them have been dropped since. */
  private changedAndGone = 0;
  private dropped: Bucket[] = [];
  private checks = 0;

  constructor(name: string, operator: string, keys: KeyIndex) {
    this.name = name;
    this.operator = operator;
    this.keys = keys;
  }

  add(id: number, ts: number, row: unknown): void {
    this.check(row);
    const of = this.byId[id];
    // Arrays start with their first element: an empty one would grow to 17 with the first push.
    if (of === undefined) {
      this.byId[id] = { buckets: [this.made(id, ts, row)], head: 0 };
      return;
    }
    const { buckets } = of;
    if (buckets.at(-1)!.ts < ts) {
      buckets.push(this.made(id, ts, row));
      return;
    }
    const at = lowerBound(buckets, of.head, ts);
    const known = buckets[at]!;
    if (known.ts !== ts) buckets.splice(at, 0, this.made(id, ts, row));
    else {
      known.rows.push(row);
      this.touch(known);
    }
  }

  private made(id: number, ts: number, row: unknown): Bucket {
    const bucket = { id, ts, rows: [row], isStored: false, isChanged: false, isGone: false };
    this.touch(bucket);
    return bucket;
  }

  private touch(bucket: Bucket): void {
    if (bucket.isChanged) return;
    bucket.isChanged = true;
    this.changed.push(bucket);
  }

  /** Buckets of the key, ascending; the first `from(id, …)` of them are to be left out. */
  bucketsOf(id: number): readonly Bucket[] {
    return this.byId[id]?.buckets ?? NONE;
  }

  /** Index of the key's first bucket at or after `ts`. */
  from(id: number, ts: number): number {
    const row = this.byId[id];
    return row === undefined ? 0 : lowerBound(row.buckets, row.head, ts);
  }

  /** Timestamp of the key's oldest row; Infinity: none. */
  oldest(id: number): number {
    const row = this.byId[id];
    return row === undefined ? Infinity : row.buckets[row.head]!.ts;
  }

  /** Drops the key's rows up to `ts`. */
  dropUntil(id: number, ts: number): void {
    const row = this.byId[id];
    if (row === undefined) return;
    const { buckets } = row;
    while (row.head < buckets.length && buckets[row.head]!.ts <= ts) this.forget(buckets[row.head++]!);
    if (row.head === buckets.length) this.byId[id] = undefined;
    else if (row.head >= COMPACT_FROM && row.head * 2 > buckets.length) {
      buckets.splice(0, row.head);
      row.head = 0;
    }
  }

  /** Buckets that the next snapshot has to look at. */
  get toWrite(): number {
    return this.changed.length;
  }

  isLive(id: number): boolean {
    return this.byId[id] !== undefined;
  }

  *liveIds(): Iterable<number> {
    for (const [id, row] of this.byId.entries()) if (row !== undefined) yield id;
  }

  snapshot(writer: StateWriter): void {
    const { keys, keyGroups } = this.keys;
    // Removals first: a row may have come again at a time whose rows were dropped.
    for (const { id, ts } of this.dropped) writer.remove(keyGroups[id]!, keys[id], this.name, ts);
    for (const bucket of this.changed) {
      if (bucket.isGone) continue;
      writer.put(keyGroups[bucket.id]!, keys[bucket.id], this.name, bucket.ts, bucket.rows);
      bucket.isStored = true;
      bucket.isChanged = false;
    }
    this.dropped = [];
    this.changed = [];
    this.changedAndGone = 0;
  }

  dump(writer: StateWriter): void {
    const { keys, keyGroups } = this.keys;
    for (const row of this.byId) {
      for (let i = row?.head ?? 0; i < (row?.buckets.length ?? 0); i++) {
        const { id, ts, rows } = row!.buckets[i]!;
        writer.put(keyGroups[id]!, keys[id], this.name, ts, rows);
      }
    }
  }

  restore(id: number, ts: number, rows: unknown[]): void {
    const { buckets, head } = (this.byId[id] ??= { buckets: [], head: 0 });
    const at = lowerBound(buckets, head, ts);
    const bucket = { id, ts, rows, isStored: true, isChanged: false, isGone: false };
    buckets.splice(at, buckets[at]?.ts === ts ? 1 : 0, bucket);
  }

  restoreRemoved(id: number, ts: number): void {
    const row = this.byId[id];
    if (row === undefined) return;
    const at = lowerBound(row.buckets, row.head, ts);
    if (row.buckets[at]?.ts !== ts) return;
    row.buckets.splice(at, 1);
    if (row.buckets.length === row.head) this.byId[id] = undefined;
  }

  /** Forgets what is in memory of the key, right after a snapshot. */
  evict(id: number): void {
    if (id < this.byId.length) this.byId[id] = undefined;
  }

  private forget(bucket: Bucket): void {
    bucket.isGone = true;
    if (bucket.isStored) this.dropped.push(bucket);
    if (!bucket.isChanged || ++this.changedAndGone < COMPACT_FROM) return;
    // Rows that come and go within an epoch are not to be held until its end.
    if (this.changedAndGone * 2 < this.changed.length) return;
    this.changed = this.changed.filter(({ isGone }) => !isGone);
    this.changedAndGone = 0;
  }

  /** Refuses what would not come back from a restore as it is now. */
  private check(row: unknown): void {
    if (this.checks < DEEP_CHECKS) this.checks++;
    else if (isPlainlyStorable(row)) return;
    checkStorable(row, `a row that interval join "${this.operator}" keeps`);
  }
}

const NONE: readonly Bucket[] = [];

function lowerBound(buckets: readonly Bucket[], from: number, ts: number): number {
  let to = buckets.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (buckets[middle]!.ts < ts) from = middle + 1;
    else to = middle;
  }
  return from;
}
