/** Restored entries of one state that nobody has asked for yet, by owner. They are kept as they are. */
import type { Cell, StateOwners } from './cell.ts';
import type { StateWriter } from './state-entries.ts';

interface Entry {
  readonly sub: unknown;
  readonly value: unknown;
}

export class WaitingEntries {
  /** By owner, then by the text of the sub key. */
  private readonly entries = new Map<number, Map<string, Entry>>();
  /** Dropped since the last snapshot. */
  private dropped: [id: number, sub: unknown][] = [];

  get isEmpty(): boolean {
    return this.entries.size === 0 && this.dropped.length === 0;
  }

  has(id: number): boolean {
    return this.entries.has(id);
  }

  put(id: number, at: string, sub: unknown, value: unknown): void {
    let own = this.entries.get(id);
    if (own === undefined) this.entries.set(id, (own = new Map<string, Entry>()));
    own.set(at, { sub, value });
  }

  remove(id: number, at: string): void {
    const own = this.entries.get(id);
    own?.delete(at);
    if (own?.size === 0) this.entries.delete(id);
  }

  /** Right after a snapshot. */
  evict(id: number): void {
    this.entries.delete(id);
  }

  drop(id: number): void {
    for (const { sub } of this.entries.get(id)?.values() ?? []) this.dropped.push([id, sub]);
    this.entries.delete(id);
  }

  /** The state is known now: it takes the entries over. What was dropped before is still to be written by `snapshot`. */
  giveTo(cell: Cell<unknown>): void {
    for (const [id, own] of this.entries) for (const { sub, value } of own.values()) cell.restore(id, sub, value);
    this.entries.clear();
  }

  snapshot(writer: StateWriter, name: string, owners: StateOwners): void {
    for (const [id, sub] of this.dropped) writer.remove(owners.keyGroups[id]!, owners.keys[id], name, sub);
    this.dropped = [];
  }

  dump(writer: StateWriter, name: string, owners: StateOwners): void {
    for (const [id, own] of this.entries) {
      for (const { sub, value } of own.values()) writer.put(owners.keyGroups[id]!, owners.keys[id], name, sub, value);
    }
  }
}
