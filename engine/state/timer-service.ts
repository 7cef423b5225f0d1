/**
 * Timers of one keyed operator in one time domain (Flink: InternalTimerService).
 *
 * One per (key, time): registering again changes nothing. Each key group has a heap of its own, ordered by (time, key hash, key),
 * so that timers fire in the same order on every machine and after every restore (E7a). Deleting only forgets the timer; the
 * heap's copy is dropped when it comes up, or when such copies are the larger part of the heap. An id with a copy in a heap is live:
 * given to another key, it would be found there. A key's timers are stored as one entry: its times, ascending.
 */
import type { StateOwners } from './cell.ts';
import type { StateWriter } from './state-entries.ts';

/** Whom timers belong to, by dense id: keys (KeyIndex), or keys and windows (NamespaceIndex). */
export interface TimerOwners extends StateOwners {
  /** Orders owners whose timers are due at the same time: alike on every machine and after every restore. */
  compare(a: number, b: number): number;
}

interface Heap {
  times: number[];
  ids: number[];
  /** Registered timers of the group: entries that are no leftovers. */
  live: number;
}

/** Smaller heaps are left as they are. */
const COMPACT_FROM = 128;

export class TimerService {
  private readonly keys: TimerOwners;
  private readonly name: string;
  private readonly times: (number[] | undefined)[] = [];
  /** Entries of each id in its heap, leftovers included. */
  private readonly copies: number[] = [];
  private readonly heaps: Heap[] = [];
  private readonly firstGroup: number;
  private readonly changed = new Set<number>();
  private readonly written = new Set<number>();

  /** `name`: the stored name, one per domain. Key groups [from, to). */
  constructor(keys: TimerOwners, name: string, keyGroups: readonly [number, number]) {
    this.keys = keys;
    this.name = name;
    this.firstGroup = keyGroups[0];
    for (let g = keyGroups[0]; g < keyGroups[1]; g++) this.heaps.push({ times: [], ids: [], live: 0 });
  }

  register(id: number, time: number): void {
    const times = (this.times[id] ??= []);
    const at = lowerBound(times, time);
    if (times[at] === time) return;
    times.splice(at, 0, time);
    this.heapOf(id).live++;
    this.push(id, time);
    this.changed.add(id);
  }

  delete(id: number, time: number): void {
    const times = this.times[id];
    if (times === undefined) return;
    const at = lowerBound(times, time);
    if (times[at] !== time) return;
    this.removeAt(id, times, at);
  }

  /** Time of the group's next timer; Infinity: none. */
  next(keyGroup: number): number {
    const heap = this.heaps[keyGroup - this.firstGroup]!;
    for (;;) {
      const time = heap.times[0];
      if (time === undefined) return Infinity;
      if (this.has(heap.ids[0]!, time)) return time;
      this.pop(heap);
    }
  }

  /** Takes the group's next timer, which must be due; returns its key's id. */
  take(keyGroup: number): number {
    const heap = this.heaps[keyGroup - this.firstGroup]!;
    const time = heap.times[0]!;
    const id = heap.ids[0]!;
    this.pop(heap);
    const times = this.times[id]!;
    this.removeAt(id, times, lowerBound(times, time));
    return id;
  }

  /** Time of the id's first timer; Infinity: none. */
  firstOf(id: number): number {
    return this.times[id]?.[0] ?? Infinity;
  }

  /** Forgets these ids, right after a snapshot, leftovers included. */
  evict(ids: ReadonlySet<number>): void {
    const groups = new Set<number>();
    for (const id of ids) {
      if ((this.copies[id] ?? 0) > 0) groups.add(this.keys.keyGroups[id]! - this.firstGroup);
      if (this.times[id] === undefined) continue;
      this.heapOf(id).live -= this.times[id].length;
      this.times[id] = undefined;
      this.written.delete(id);
    }
    for (const g of groups) this.compact(this.heaps[g]!);
  }

  /** True while a timer of the id is registered. */
  isPending(id: number): boolean {
    return this.times[id] !== undefined;
  }

  isLive(id: number): boolean {
    return this.times[id] !== undefined || (this.copies[id] ?? 0) > 0;
  }

  /** Entries in all heaps. */
  get queued(): number {
    return this.heaps.reduce((sum, heap) => sum + heap.times.length, 0);
  }

  snapshot(writer: StateWriter): void {
    for (const id of this.changed) {
      const times = this.times[id];
      const group = this.keys.keyGroups[id]!;
      const key = this.keys.keys[id];
      if (times !== undefined) {
        writer.put(group, key, this.name, null, times);
        this.written.add(id);
      } else if (this.written.delete(id)) writer.remove(group, key, this.name, null);
    }
    this.changed.clear();
  }

  dump(writer: StateWriter): void {
    for (const [id, times] of this.times.entries()) {
      if (times !== undefined) writer.put(this.keys.keyGroups[id]!, this.keys.keys[id], this.name, null, times);
    }
  }

  restore(id: number, times: readonly number[]): void {
    this.heapOf(id).live += times.length - (this.times[id]?.length ?? 0);
    this.times[id] = times.slice();
    this.written.add(id);
    for (const time of times) this.push(id, time);
  }

  restoreRemoved(id: number): void {
    this.heapOf(id).live -= this.times[id]?.length ?? 0;
    this.times[id] = undefined;
    this.written.delete(id);
  }

  private has(id: number, time: number): boolean {
    const times = this.times[id];
    return times !== undefined && times[lowerBound(times, time)] === time;
  }

  private removeAt(id: number, times: number[], at: number): void {
    times.splice(at, 1);
    this.heapOf(id).live--;
    if (times.length === 0) this.times[id] = undefined;
    this.changed.add(id);
  }

  private less(t1: number, id1: number, t2: number, id2: number): boolean {
    return t1 !== t2 ? t1 < t2 : this.keys.compare(id1, id2) < 0;
  }

  private heapOf(id: number): Heap {
    return this.heaps[this.keys.keyGroups[id]! - this.firstGroup]!;
  }

  /** Drops leftovers. An array in order is a heap. */
  private compact(heap: Heap): void {
    const entries = heap.times.map((time, i) => ({ time, id: heap.ids[i]! }));
    entries.sort((a, b) => a.time - b.time || this.keys.compare(a.id, b.id));
    heap.times = [];
    heap.ids = [];
    for (const { time, id } of entries) {
      const known = heap.times.at(-1) === time && heap.ids.at(-1) === id;
      if (known || !this.has(id, time)) {
        this.copies[id]!--;
        continue;
      }
      heap.times.push(time);
      heap.ids.push(id);
    }
  }

  private push(id: number, time: number): void {
    const heap = this.heapOf(id);
    if (heap.times.length >= COMPACT_FROM && heap.times.length > 2 * heap.live) this.compact(heap);
    const { times, ids } = heap;
    this.copies[id] = (this.copies[id] ?? 0) + 1;
    let i = times.length;
    times.push(time);
    ids.push(id);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.less(time, id, times[parent]!, ids[parent]!)) break;
      times[i] = times[parent]!;
      ids[i] = ids[parent]!;
      i = parent;
    }
    times[i] = time;
    ids[i] = id;
  }

  private pop(heap: Heap): void {
    const { times, ids } = heap;
    this.copies[ids[0]!]!--;
    const time = times.pop()!;
    const id = ids.pop()!;
    const n = times.length;
    if (n === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && this.less(times[child + 1]!, ids[child + 1]!, times[child]!, ids[child]!)) child++;
      if (!this.less(times[child]!, ids[child]!, time, id)) break;
      times[i] = times[child]!;
      ids[i] = ids[child]!;
      i = child;
    }
    times[i] = time;
    ids[i] = id;
  }
}

function lowerBound(times: readonly number[], time: number): number {
  let from = 0;
  let to = times.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (times[middle]! < time) from = middle + 1;
    else to = middle;
  }
  return from;
}
