/** MapState in memory: one stored entry per map key, so that a large map costs what changed in it. */
import { Cell } from './cell.ts';
import { keyText } from './key-bytes.ts';
import type { StateWriter } from './state-entries.ts';
import type { MapState } from './states.ts';

interface Slot {
  readonly key: unknown;
  value: unknown;
  time: number;
}
interface Slots {
  readonly live: Map<unknown, Slot>;
  /** Lookups changed since the last snapshot. */
  readonly changed: Map<unknown, unknown>;
  readonly written: Set<unknown>;
}

export class MapCell extends Cell<Slots> implements MapState<unknown, unknown> {
  get(key: unknown): unknown {
    const id = this.current();
    const slot = this.data[id]?.live.get(lookup(key));
    if (slot === undefined) return null;
    if (this.ttl === null) return slot.value;
    if (this.expired(slot.time)) {
      this.removeAt(id, key);
      return this.showExpired ? slot.value : null;
    }
    if (this.readsRenew) this.putAt(id, key, slot.value);
    return slot.value;
  }

  put(key: unknown, value: unknown): void {
    this.check(value);
    this.putAt(this.current(), key, value);
  }

  putAll(entries: Iterable<readonly [unknown, unknown]>): void {
    for (const [key, value] of entries) this.put(key, value);
  }

  remove(key: unknown): void {
    this.removeAt(this.current(), key);
  }

  contains(key: unknown): boolean {
    const slot = this.data[this.current()]?.live.get(lookup(key));
    return slot !== undefined && (!this.expired(slot.time) || this.showExpired);
  }

  entries(): Iterable<[unknown, unknown]> {
    return this.visible().map((slot): [unknown, unknown] => [slot.key, slot.value]);
  }

  keys(): Iterable<unknown> {
    return this.visible().map((slot) => slot.key);
  }

  values(): Iterable<unknown> {
    return this.visible().map((slot) => slot.value);
  }

  isEmpty(): boolean {
    return this.visible().length === 0;
  }

  clear(): void {
    const id = this.current();
    const slots = this.data[id];
    if (slots === undefined) return;
    for (const slot of [...slots.live.values()]) this.removeAt(id, slot.key);
  }

  override isLive(id: number): boolean {
    const slots = this.data[id];
    return slots !== undefined && slots.live.size > 0;
  }

  protected expire(id: number): void {
    for (const slot of [...this.data[id]!.live.values()]) if (this.expired(slot.time)) this.removeAt(id, slot.key);
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const slots = this.data[id]!;
    for (const [at, mapKey] of slots.changed) {
      const slot = slots.live.get(at);
      if (slot !== undefined) {
        writer.put(keyGroup, key, this.name, mapKey, this.ttl === null ? slot.value : [slot.value, slot.time]);
        slots.written.add(at);
      } else if (slots.written.delete(at)) writer.remove(keyGroup, key, this.name, mapKey);
    }
    slots.changed.clear();
    if (slots.live.size === 0) this.data[id] = undefined;
  }

  restore(id: number, sub: unknown, value: unknown): void {
    const [kept, time] = this.ttl === null ? [value, 0] : (value as [unknown, number]);
    const slots = this.slots(id);
    slots.live.set(lookup(sub), { key: sub, value: kept, time });
    slots.written.add(lookup(sub));
  }

  restoreRemoved(id: number, sub: unknown): void {
    const slots = this.data[id];
    slots?.live.delete(lookup(sub));
    slots?.written.delete(lookup(sub));
    if (slots?.live.size === 0) this.data[id] = undefined;
  }

  private visible(): Slot[] {
    const id = this.current();
    const slots = this.data[id];
    if (slots === undefined) return [];
    const all = [...slots.live.values()];
    if (this.ttl === null) return all;
    const fresh = all.filter((slot) => !this.expired(slot.time));
    this.expire(id);
    if (this.readsRenew) for (const slot of fresh) this.putAt(id, slot.key, slot.value);
    return this.showExpired ? all : fresh;
  }

  private slots(id: number): Slots {
    return (this.data[id] ??= { live: new Map(), changed: new Map(), written: new Set() });
  }

  private putAt(id: number, key: unknown, value: unknown): void {
    const slots = this.slots(id);
    const at = lookup(key);
    const slot = slots.live.get(at);
    if (slot === undefined) slots.live.set(at, { key, value, time: this.scope.clockMs });
    else {
      slot.value = value;
      slot.time = this.scope.clockMs;
    }
    slots.changed.set(at, key);
    this.touch(id);
  }

  private removeAt(id: number, key: unknown): void {
    const slots = this.data[id];
    const at = lookup(key);
    if (slots === undefined || !slots.live.delete(at)) return;
    slots.changed.set(at, key);
    this.touch(id);
  }
}

/** Primitive keys as they are, others by their canonical bytes; the prefix keeps the two apart. */
function lookup(key: unknown): unknown {
  if (typeof key === 'string') return key.startsWith('\0') ? `\0s${key}` : key;
  return typeof key === 'object' ? `\0o${keyText(key)}` : key;
}
