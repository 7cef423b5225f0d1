/**
 * Which keys of a stage are in memory, by dense id: since when nobody needed them, how large they are, and when they were last said to be
 * due (in the record or the log). A key that is in memory and has no state counts as well: that is knowledge, too.
 */
import type { KeyTimes } from '../../ports/state-table.ts';
import { DueHeap } from '../../operators/due-heap.ts';
import { keyText } from '../../state/key-bytes.ts';
import type { KeyIndex } from '../../state/key-index.ts';

const AWAY = 0;
const WANTED = 1;
const HERE = 2;

/** By this much the keys of an eviction undershoot the limit, so that not every epoch evicts. */
const SLACK = 0.75;

export class ResidentKeys {
  /** Ids that the epoch needs, or has needed: they may have changed. */
  private touched: number[] = [];
  private taken: readonly number[] = [];
  /** Of them, those that are to be loaded. */
  wanted: number[] = [];
  private readonly keys: KeyIndex;
  private readonly byText = new Map<string, number>();
  private places = new Uint8Array(1024);
  /** Number of the epoch in which each was last touched. */
  private used = new Float64Array(1024);
  private sizes = new Float64Array(1024);
  private eventTimes = new Float64Array(1024);
  private processingTimes = new Float64Array(1024);
  private readonly byEventTime: DueHeap;
  private readonly byProcessingTime: DueHeap;
  private epoch = 1;
  /** Estimated, of all. */
  bytes = 0;

  constructor(keys: KeyIndex, keyGroups: readonly [number, number]) {
    this.keys = keys;
    this.byEventTime = new DueHeap(keys, keyGroups);
    this.byProcessingTime = new DueHeap(keys, keyGroups);
  }

  get size(): number {
    return this.byText.size;
  }

  has(text: string): boolean {
    return this.byText.has(text);
  }

  beginEpoch(): void {
    this.epoch++;
    this.touched = [];
    this.wanted = [];
  }

  /** Rows of these keys have come. */
  touchAll(ids: Int32Array, n: number): void {
    if (this.keys.keys.length > this.places.length) this.widen();
    for (let j = 0; j < n; j++) {
      const id = ids[j]!;
      if (this.used[id] !== this.epoch) this.touch(id);
    }
  }

  /** Touched keys of groups [from, to): they have been asked what is to be written of them. */
  takeTouched(from: number, to: number): readonly number[] {
    const isIn = (id: number): boolean => this.keys.keyGroups[id]! >= from && this.keys.keyGroups[id]! < to;
    this.taken = this.touched.filter(isIn);
    this.touched = this.touched.filter((id) => !isIn(id));
    // What touches them again in this epoch is to be noticed.
    for (const id of this.taken) this.used[id] = this.epoch - 0.5;
    return this.taken;
  }

  touchEvery(): void {
    for (const id of this.byText.values()) if (this.used[id] !== this.epoch) this.touch(id);
  }

  private touch(id: number): void {
    this.used[id] = this.epoch;
    this.touched.push(id);
    if (this.places[id] !== AWAY) return;
    this.places[id] = WANTED;
    this.wanted.push(id);
  }

  /** Touches those in memory that are due by then. */
  touchDue(domain: 'event-time' | 'processing-time', keyGroup: number, until: number): void {
    const heap = domain === 'event-time' ? this.byEventTime : this.byProcessingTime;
    while (heap.next(keyGroup) <= until) {
      const id = heap.top(keyGroup);
      // It is put back when it is known when it is due next.
      heap.set(id, Infinity);
      if (this.used[id] !== this.epoch) this.touch(id);
    }
  }

  /** The key is in memory now: `text` is its canonical form, `times` are what its record or the log says. */
  place(id: number, text: string, size: number, times: KeyTimes): void {
    if (id >= this.places.length) this.widen();
    this.places[id] = HERE;
    this.byText.set(text, id);
    this.sizes[id] = size;
    this.bytes += size;
    if (this.used[id] !== this.epoch) this.touch(id);
    this.noteTimes(id, times);
  }

  /** What is stored says no more that it is due then. */
  isNews(id: number, times: KeyTimes): boolean {
    return this.eventTimes[id] !== times.eventTime || this.processingTimes[id] !== times.processingTime;
  }

  /** When the key is due, as it is stored. */
  timesOf(id: number): KeyTimes {
    return { eventTime: this.eventTimes[id]!, processingTime: this.processingTimes[id]! };
  }

  noteTimes(id: number, { eventTime, processingTime }: KeyTimes): void {
    this.eventTimes[id] = eventTime;
    this.processingTimes[id] = processingTime;
    this.byEventTime.set(id, eventTime);
    this.byProcessingTime.set(id, processingTime);
  }

  /** So many bytes were written of the keys last taken. An estimate: keys only grow until they are loaded again. */
  noteSizes(bytes: number): void {
    const size = Math.ceil(bytes / this.taken.length);
    for (const id of this.taken) {
      if (size <= this.sizes[id]!) continue;
      this.bytes += size - this.sizes[id]!;
      this.sizes[id] = size;
    }
  }

  /** Those that were not needed for the longest, if there are more than these limits. */
  surplus(mostKeys: number, mostBytes: number): number[] {
    if (this.size <= mostKeys && this.bytes <= mostBytes) return [];
    const ids = [...this.byText.values()].sort((a, b) => this.used[a]! - this.used[b]!);
    let keys = this.size;
    let { bytes } = this;
    let n = 0;
    while (n < ids.length && (keys > mostKeys * SLACK || bytes > mostBytes * SLACK)) {
      keys--;
      bytes -= this.sizes[ids[n++]!]!;
    }
    return ids.slice(0, n);
  }

  evict(ids: readonly number[]): void {
    for (const id of ids) {
      this.places[id] = AWAY;
      this.used[id] = 0;
      this.bytes -= this.sizes[id]!;
      this.sizes[id] = 0;
      this.byText.delete(keyText(this.keys.keys[id]));
      this.noteTimes(id, NEVER);
    }
  }

  private widen(): void {
    const length = Math.max(this.keys.keys.length, this.places.length * 2);
    const places = new Uint8Array(length);
    places.set(this.places);
    this.places = places;
    this.used = copied(this.used, length);
    this.sizes = copied(this.sizes, length);
    this.eventTimes = copied(this.eventTimes, length);
    this.processingTimes = copied(this.processingTimes, length);
  }
}

const NEVER: KeyTimes = { eventTime: Infinity, processingTime: Infinity };

function copied(from: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const to = new Float64Array(length);
  to.set(from);
  return to;
}
