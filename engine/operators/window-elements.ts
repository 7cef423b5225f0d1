/**
 * Windows that keep all their elements, in order of arrival; with timestamps where an evictor needs them.
 *
 * An entry is a stretch of CHUNK elements, numbered from 0, so that a growing window costs what was added to it. Eviction from the middle
 * writes everything behind it again.
 */
import { Cell, type OwnerScope } from '../state/cell.ts';
import type { StateWriter } from '../state/state-entries.ts';
import type { EvictableElements, TimestampedValue } from '../windows/evictor.ts';
import type { WindowContents } from './window-contents.ts';

const CHUNK = 64;

interface Elements {
  values: unknown[];
  /** Empty where timestamps are not kept. */
  times: number[];
  /** So many from the front are as they were written. */
  clean: number;
}

type Stored = unknown[] | [values: unknown[], times: number[]];

export class ElementContents extends Cell<Elements> implements WindowContents {
  private readonly timed: boolean;
  /** Entries written, by id. */
  private readonly written: number[] = [];
  /** While restoring: stretches by number. */
  private readonly stretches = new Map<number, Map<number, Stored>>();

  constructor(name: string, scope: OwnerScope, timed: boolean) {
    super(name, null, scope);
    this.timed = timed;
  }

  add(id: number, value: unknown, timestamp: number): void {
    this.check(value);
    const list = (this.data[id] ??= { values: [], times: [], clean: 0 });
    list.values.push(value);
    if (this.timed) list.times.push(timestamp);
    this.touch(id);
  }

  elements(id: number): readonly unknown[] | null {
    return this.data[id]?.values.slice() ?? null;
  }

  /** For an evictor; `replace` takes what it left. */
  evictable(id: number): WindowElements | null {
    const list = this.data[id];
    return list === undefined ? null : new WindowElements(list.values.slice(), list.times.slice());
  }

  replace(id: number, left: WindowElements): void {
    const list = this.data[id];
    if (list === undefined || left.values.length === list.values.length) return;
    if (left.values.length === 0) return this.clearAt(id);
    const clean = Math.min(list.clean, left.untouched);
    this.data[id] = { values: left.values, times: left.times, clean };
    this.touch(id);
  }

  clearAt(id: number): void {
    if (this.data[id] === undefined) return;
    this.data[id] = undefined;
    this.touch(id);
  }

  merge(target: number, sources: readonly number[]): void {
    for (const source of sources) {
      const theirs = this.data[source];
      if (theirs === undefined) continue;
      const list = (this.data[target] ??= { values: [], times: [], clean: 0 });
      for (const value of theirs.values) list.values.push(value);
      for (const time of theirs.times) list.times.push(time);
      this.touch(target);
      this.clearAt(source);
    }
  }

  protected expire(): void {
    // No time-to-live.
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const list = this.data[id];
    const chunks = list === undefined ? 0 : Math.ceil(list.values.length / CHUNK);
    if (list !== undefined) {
      const from = Math.floor(Math.min(list.clean, list.values.length) / CHUNK);
      this.writeFrom(from, writer, list, keyGroup, key);
      list.clean = list.values.length;
    }
    for (let c = chunks; c < (this.written[id] ?? 0); c++) writer.remove(keyGroup, key, this.name, c);
    this.written[id] = chunks;
  }

  protected override writeAll(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    this.writeFrom(0, writer, this.data[id]!, keyGroup, key);
  }

  private writeFrom(chunk: number, writer: StateWriter, list: Elements, keyGroup: number, key: unknown): void {
    for (let c = chunk; c * CHUNK < list.values.length; c++) {
      const values = list.values.slice(c * CHUNK, (c + 1) * CHUNK);
      const stored: Stored = this.timed ? [values, list.times.slice(c * CHUNK, (c + 1) * CHUNK)] : values;
      writer.put(keyGroup, key, this.name, c, stored);
    }
  }

  restore(id: number, sub: unknown, value: unknown): void {
    let stretches = this.stretches.get(id);
    if (stretches === undefined) this.stretches.set(id, (stretches = new Map<number, Stored>()));
    stretches.set(sub as number, value as Stored);
  }

  restoreRemoved(id: number, sub: unknown): void {
    this.stretches.get(id)?.delete(sub as number);
  }

  restored(): void {
    for (const [id, stretches] of this.stretches) {
      this.written[id] = stretches.size;
      if (stretches.size === 0) continue;
      const list: Elements = { values: [], times: [], clean: 0 };
      for (let c = 0; c < stretches.size; c++) {
        const stored = stretches.get(c)!;
        const [values, times] = this.timed ? (stored as [unknown[], number[]]) : [stored, []];
        for (const value of values) list.values.push(value);
        for (const time of times) list.times.push(time);
      }
      list.clean = list.values.length;
      this.data[id] = list;
    }
    this.stretches.clear();
  }

  override evict(id: number): void {
    super.evict(id);
    if (id < this.written.length) this.written[id] = 0;
  }

  /** While restoring, what is there is in `stretches`. */
  override isLive(id: number): boolean {
    return super.isLive(id) || (this.stretches.get(id)?.size ?? 0) > 0;
  }
}

/** The elements of a window that fires, as its evictor sees them. */
export class WindowElements implements EvictableElements<unknown> {
  values: unknown[];
  times: number[];
  /** So many from the front have stayed where they were. */
  untouched: number;

  constructor(values: unknown[], times: number[]) {
    this.values = values;
    this.times = times;
    this.untouched = values.length;
  }

  get size(): number {
    return this.values.length;
  }

  at(index: number): TimestampedValue<unknown> | undefined {
    const i = index < 0 ? this.size + index : index;
    return i >= 0 && i < this.size ? { value: this.values[i], timestamp: this.times[i]! } : undefined;
  }

  *[Symbol.iterator](): Iterator<TimestampedValue<unknown>> {
    for (let i = 0; i < this.size; i++) yield this.at(i)!;
  }

  removeIf(test: (element: TimestampedValue<unknown>, index: number) => boolean): void {
    const values: unknown[] = [];
    const times: number[] = [];
    for (let i = 0; i < this.size; i++) {
      if (test(this.at(i)!, i)) {
        this.untouched = Math.min(this.untouched, i);
        continue;
      }
      values.push(this.values[i]);
      times.push(this.times[i]!);
    }
    this.values = values;
    this.times = times;
  }
}
