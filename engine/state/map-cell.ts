/** MapState in memory: one stored entry per map key, so that a large map costs what changed in it. */
import { ConfigError } from '../model/errors.ts';
import { Cell } from './cell.ts';
import { keyText } from './key-bytes.ts';
import type { StateWriter } from './state-entries.ts';
import type { MapState } from './states.ts';

interface Slot {
  readonly key: unknown;
  value: unknown;
  time: number;
  /** Put again after it was removed, since the last snapshot: a restore must move it to the end too. */
  moved: boolean;
}
interface Slots {
  readonly live: Map<unknown, Slot>;
  /** Lookups changed since the last snapshot; those put for the first time in the order of `live`. */
  readonly changed: Map<unknown, unknown>;
  readonly written: Set<unknown>;
}

export class MapCell extends Cell<Slots> implements MapState<unknown, unknown> {
  get(key: unknown): unknown {
    const id = this.current();
    const slot = this.data[id]?.live.get(this.lookup(key));
    if (slot === undefined) return null;
    if (this.ttl === null) return slot.value;
    return this.read(id, key, slot) ? slot.value : null;
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
    const id = this.current();
    const slot = this.data[id]?.live.get(this.lookup(key));
    return slot !== undefined && (this.ttl === null || this.read(id, key, slot));
  }

  iterator(): Iterator<[unknown, unknown]> {
    return this.entries()[Symbol.iterator]();
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
    for (const slot of this.data[this.current()]?.live.values() ?? []) if (this.isVisible(slot.time)) return false;
    return true;
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

  protected expire(id: number, afterMs: number): void {
    for (const slot of [...this.data[id]!.live.values()])
      if (this.isOlder(slot.time, afterMs)) this.removeAt(id, slot.key);
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const slots = this.data[id]!;
    for (const [at, mapKey] of slots.changed) {
      const slot = slots.live.get(at);
      if (slot !== undefined) {
        if (slot.moved) writer.remove(keyGroup, key, this.name, mapKey);
        slot.moved = false;
        writer.put(keyGroup, key, this.name, mapKey, this.storedForm(slot));
        slots.written.add(at);
      } else if (slots.written.delete(at)) writer.remove(keyGroup, key, this.name, mapKey);
    }
    slots.changed.clear();
    if (slots.live.size === 0) this.data[id] = undefined;
  }

  protected override writeAll(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    for (const slot of this.data[id]!.live.values())
      writer.put(keyGroup, key, this.name, slot.key, this.storedForm(slot));
  }

  restore(id: number, sub: unknown, value: unknown): void {
    const [stored, time] = this.ttl === null ? [value, 0] : (value as [unknown, number]);
    const kept = this.fromStored(stored);
    const slots = this.slots(id);
    const at = this.lookup(sub);
    const slot = slots.live.get(at);
    if (slot === undefined) slots.live.set(at, { key: sub, value: kept, time, moved: false });
    else {
      slot.value = kept;
      slot.time = time;
    }
    slots.written.add(at);
  }

  restoreRemoved(id: number, sub: unknown): void {
    const slots = this.data[id];
    slots?.live.delete(this.lookup(sub));
    slots?.written.delete(this.lookup(sub));
    if (slots?.live.size === 0) this.data[id] = undefined;
  }

  private visible(): Slot[] {
    const id = this.current();
    const slots = this.data[id];
    if (slots === undefined) return [];
    const all = [...slots.live.values()];
    if (this.ttl === null) return all;
    const fresh = all.filter((slot) => !this.expired(slot.time));
    const shown = all.filter((slot) => this.isVisible(slot.time));
    this.expire(id, this.ttl.ttlMs);
    if (this.readsRenew) for (const slot of fresh) this.putAt(id, slot.key, slot.value);
    return shown;
  }

  /** With a time-to-live: may the entry be seen? It is renewed, or removed if it has expired. */
  private read(id: number, key: unknown, slot: Slot): boolean {
    if (this.expired(slot.time)) {
      this.removeAt(id, key);
      return this.isVisible(slot.time);
    }
    if (this.readsRenew) this.putAt(id, key, slot.value);
    return true;
  }

  private storedForm({ value, time }: Slot): unknown {
    const stored = this.toStored(value);
    return this.ttl === null ? stored : [stored, time];
  }

  private slots(id: number): Slots {
    return (this.data[id] ??= { live: new Map(), changed: new Map(), written: new Set() });
  }

  private putAt(id: number, key: unknown, value: unknown): void {
    const slots = this.slots(id);
    const at = this.lookup(key);
    const slot = slots.live.get(at);
    if (slot === undefined) {
      const own = typeof key === 'object' ? structuredClone(key) : key === 0 ? 0 : key;
      slots.live.set(at, { key: own, value, time: this.scope.clockMs, moved: slots.written.has(at) });
      // To the end, as in `live`.
      slots.changed.delete(at);
      key = own;
    } else {
      slot.value = value;
      slot.time = this.scope.clockMs;
    }
    if (!slots.changed.has(at)) slots.changed.set(at, slot?.key ?? key);
    this.touch(id);
  }

  private removeAt(id: number, key: unknown): void {
    const slots = this.data[id];
    const at = this.lookup(key);
    const slot = slots?.live.get(at);
    if (slots === undefined || slot === undefined) return;
    slots.live.delete(at);
    slots.changed.set(at, slot.key);
    this.touch(id);
  }

  /** Primitive keys as they are, others by their canonical bytes; the prefix keeps the two apart. */
  private lookup(key: unknown): unknown {
    if (typeof key === 'string') return key.startsWith('\0') ? `\0s${key}` : key;
    if (typeof key === 'number' || typeof key === 'boolean' || typeof key === 'bigint') return key;
    if (typeof key === 'object' && key !== null) return `\0o${keyText(key)}`;
    throw new ConfigError(
      `state "${this.name}" of operator "${this.scope.operator}": ${String(key)} cannot be the key of a map entry; use a string, number, boolean, bigint, Date, or an array or plain object of these.`,
    );
  }
}
