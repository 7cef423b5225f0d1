/** ListState in memory: one entry per key; elements expire one by one. */
import { Cell } from './cell.ts';
import type { StateWriter } from './state-entries.ts';
import type { ListState } from './states.ts';

interface Elements {
  values: unknown[];
  /** When each was written; empty without a time-to-live. */
  times: number[];
}

export class ListCell extends Cell<Elements> implements ListState<unknown> {
  private readonly written: boolean[] = [];

  get(): readonly unknown[] {
    const id = this.current();
    const list = this.data[id];
    if (list === undefined) return [];
    if (this.ttl === null) return list.values.slice();
    const shown = list.values.filter((_, i) => this.isVisible(list.times[i]!));
    this.expire(id, this.ttl.ttlMs);
    const left = this.data[id];
    if (left !== undefined && this.readsRenew) {
      left.times.fill(this.scope.clockMs);
      this.touch(id);
    }
    return shown;
  }

  add(value: unknown): void {
    this.check(value);
    const id = this.current();
    let list = this.data[id];
    if (list === undefined) this.data[id] = list = { values: [], times: [] };
    list.values.push(value);
    if (this.ttl !== null) list.times.push(this.scope.clockMs);
    this.touch(id);
  }

  addAll(values: Iterable<unknown>): void {
    for (const value of values) this.add(value);
  }

  update(values: Iterable<unknown>): void {
    const copy = [...values];
    this.clear();
    this.addAll(copy);
  }

  clear(): void {
    const id = this.current();
    if (this.data[id] === undefined) return;
    this.data[id] = undefined;
    this.touch(id);
  }

  protected expire(id: number, afterMs: number): void {
    const list = this.data[id]!;
    const keep = list.times.map((time) => !this.isOlder(time, afterMs));
    if (!keep.includes(false)) return;
    const values = list.values.filter((_, i) => keep[i]);
    this.data[id] = values.length === 0 ? undefined : { values, times: list.times.filter((_, i) => keep[i]) };
    this.touch(id);
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const list = this.data[id];
    if (list !== undefined) {
      const stored = this.codec === null ? list.values : list.values.map((value) => this.toStored(value));
      writer.put(keyGroup, key, this.name, null, this.ttl === null ? stored : [stored, list.times]);
    } else if (this.written[id] === true) writer.remove(keyGroup, key, this.name, null);
    this.written[id] = list !== undefined;
  }

  restore(id: number, _sub: unknown, value: unknown): void {
    const [values, times] = this.ttl === null ? [value as unknown[], []] : (value as [unknown[], number[]]);
    this.data[id] = { values: this.codec === null ? values : values.map((one) => this.fromStored(one)), times };
    this.written[id] = true;
  }

  restoreRemoved(id: number): void {
    this.data[id] = undefined;
    this.written[id] = false;
  }

  override evict(id: number): void {
    super.evict(id);
    if (id < this.written.length) this.written[id] = false;
  }
}
