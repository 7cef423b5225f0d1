/**
 * When each key is next due, at most one moment a key, in a heap per key group ordered by (moment, key hash, key): keys come up in the same
 * order on every machine and after every restore (E7a).
 *
 * A moment may be set too early, and put right when the key comes up: what becomes due later need not be told. Nothing is stored.
 */
import type { KeyIndex } from '../state/key-index.ts';

export class DueHeap {
  private readonly keys: KeyIndex;
  private readonly first: number;
  private readonly heaps: number[][];
  /** By key id: when it is due, and where it stands in its heap, counted from 1; 0: nowhere. */
  private times = new Float64Array(1024).fill(Infinity);
  private places = new Int32Array(1024);

  /** Key groups [from, to). */
  constructor(keys: KeyIndex, [from, to]: readonly [number, number]) {
    this.keys = keys;
    this.first = from;
    this.heaps = Array.from({ length: to - from }, () => []);
  }

  /** The first moment in the group; Infinity: none. */
  next(keyGroup: number): number {
    const id = this.heaps[keyGroup - this.first]![0];
    return id === undefined ? Infinity : this.times[id]!;
  }

  /** The key that is due first in the group, which must have one. */
  top(keyGroup: number): number {
    return this.heaps[keyGroup - this.first]![0]!;
  }

  /** When the key is due; Infinity: never. */
  timeOf(id: number): number {
    return id < this.times.length ? this.times[id]! : Infinity;
  }

  /** Infinity: it is not due any more. */
  set(id: number, time: number): void {
    if (id >= this.times.length) this.widen(id);
    if (time === Infinity) return this.remove(id);
    const heap = this.heapOf(id);
    const earlier = time < this.times[id]!;
    this.times[id] = time;
    if (this.places[id] === 0) this.places[id] = heap.push(id);
    if (earlier) this.rise(heap, id);
    else this.sink(heap, id);
  }

  private remove(id: number): void {
    const place = this.places[id]!;
    if (place === 0) return;
    const heap = this.heapOf(id);
    const last = heap.pop()!;
    this.places[id] = 0;
    this.times[id] = Infinity;
    if (last === id) return;
    heap[place - 1] = last;
    this.places[last] = place;
    this.rise(heap, last);
    this.sink(heap, last);
  }

  private heapOf(id: number): number[] {
    return this.heaps[this.keys.keyGroups[id]! - this.first]!;
  }

  private isBefore(a: number, b: number): boolean {
    const [s, t] = [this.times[a]!, this.times[b]!];
    return s === t ? this.keys.compare(a, b) < 0 : s < t;
  }

  private rise(heap: number[], id: number): void {
    let at = this.places[id]! - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent]!;
      if (!this.isBefore(id, above)) break;
      this.put(heap, at, above);
      at = parent;
    }
    this.put(heap, at, id);
  }

  private sink(heap: number[], id: number): void {
    let at = this.places[id]! - 1;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.isBefore(heap[child + 1]!, heap[child]!)) child++;
      const below = heap[child]!;
      if (!this.isBefore(below, id)) break;
      this.put(heap, at, below);
      at = child;
    }
    this.put(heap, at, id);
  }

  private put(heap: number[], at: number, id: number): void {
    heap[at] = id;
    this.places[id] = at + 1;
  }

  private widen(id: number): void {
    const capacity = Math.max(id + 1, this.times.length * 2);
    const times = new Float64Array(capacity).fill(Infinity);
    times.set(this.times);
    this.times = times;
    const places = new Int32Array(capacity);
    places.set(this.places);
    this.places = places;
  }
}
