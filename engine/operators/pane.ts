/**
 * One window of all keys: accumulators dense by key id, the ids of each key group, and what changed since the last snapshot.
 * `undefined` means the key has nothing in the window.
 */
import type { KeyIndex } from '../state/key-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { UserCodeError } from '../model/errors.ts';

export class Pane {
  readonly start: number;
  readonly end: number;
  accumulators: unknown[];
  /** Number of the snapshot interval in which each key last changed. */
  stamps: Int32Array;
  /** Ids per key group of the instance; undefined where there are none. */
  readonly groups: (number[] | undefined)[];
  readonly changed: number[] = [];
  /** Keys present, and keys whose removal is still to be written. */
  live = 0;
  private readonly written = new Set<number>();
  private readonly removed: number[] = [];

  constructor(start: number, end: number, groups: number, keys: number) {
    const capacity = Math.max(64, keys);
    this.start = start;
    this.end = end;
    this.accumulators = new Array<unknown>(capacity).fill(undefined);
    this.stamps = new Int32Array(capacity);
    this.groups = new Array<number[] | undefined>(groups).fill(undefined);
  }

  widen(id: number): void {
    const capacity = Math.max(id + 1, this.stamps.length * 2);
    const stamps = new Int32Array(capacity);
    stamps.set(this.stamps);
    this.stamps = stamps;
    for (let i = this.accumulators.length; i < capacity; i++) this.accumulators.push(undefined);
  }

  insert(id: number, group: number, accumulator: unknown): void {
    if (id >= this.stamps.length) this.widen(id);
    this.accumulators[id] = accumulator;
    (this.groups[group] ??= []).push(id);
    this.live++;
  }

  replace(id: number, accumulator: unknown): void {
    if (accumulator === undefined)
      throw new UserCodeError('add(value, accumulator) returned undefined; return the accumulator.');
    this.accumulators[id] = accumulator;
  }

  /** The group's windows are over. */
  dropGroup(group: number): void {
    for (const id of this.groups[group]!) {
      this.accumulators[id] = undefined;
      if (this.written.delete(id)) this.removed.push(id);
      else this.live--;
    }
    this.groups[group] = undefined;
  }

  restore(id: number, group: number, accumulator: unknown): void {
    if (this.accumulators[id] === undefined) this.insert(id, group, accumulator);
    else this.accumulators[id] = accumulator;
    this.written.add(id);
  }

  /** While restoring: a later segment removed the entry. */
  drop(id: number, group: number): void {
    if (this.accumulators[id] === undefined) return;
    this.accumulators[id] = undefined;
    this.written.delete(id);
    this.live--;
    const ids = this.groups[group]!;
    ids.splice(ids.indexOf(id), 1);
    if (ids.length === 0) this.groups[group] = undefined;
  }

  /** Forgets these keys, right after a snapshot; answers with the groups that have none left. */
  evict(gone: ReadonlySet<number>, groupOf: (id: number) => number): number[] {
    const touched = new Set<number>();
    for (const id of gone) {
      if (this.accumulators[id] === undefined) continue;
      this.accumulators[id] = undefined;
      this.written.delete(id);
      this.live--;
      touched.add(groupOf(id));
    }
    for (const g of touched) {
      const left = this.groups[g]!.filter((id) => this.accumulators[id] !== undefined);
      this.groups[g] = left.length === 0 ? undefined : left;
    }
    return [...touched].filter((g) => this.groups[g] === undefined);
  }

  writeAll(writer: StateWriter, keys: KeyIndex, state: string): void {
    for (const ids of this.groups) {
      for (const id of ids ?? [])
        writer.put(keys.keyGroups[id]!, keys.keys[id], state, this.start, this.accumulators[id]);
    }
  }

  writeChanges(
    writer: StateWriter,
    keys: KeyIndex,
    state: string,
    stamp: number,
    check: (value: unknown) => void,
  ): void {
    for (const id of this.changed) {
      const accumulator = this.accumulators[id];
      if (accumulator === undefined || this.stamps[id] !== stamp) continue;
      check(accumulator);
      writer.put(keys.keyGroups[id]!, keys.keys[id], state, this.start, accumulator);
      this.written.add(id);
    }
    for (const id of this.removed) {
      writer.remove(keys.keyGroups[id]!, keys.keys[id], state, this.start);
      this.live--;
    }
    this.changed.length = 0;
    this.removed.length = 0;
  }
}
