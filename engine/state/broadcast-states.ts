/**
 * Broadcast state of one operator instance (Flink: BroadcastState): maps without a key, the same in every instance, as each sees the
 * same broadcast rows in the same order.
 *
 * Stored as entries 'broadcast:NAME' ('broadcast:+typed:NAME' with a serializer) of a key in key group 0: written by the instance that owns the group, restored by all. Only
 * broadcast rows may write: `writable` says whether one is being handled.
 */
import { ConfigError } from '../model/errors.ts';
import type { KeyScope } from './cell.ts';
import type { MapStateDescriptor } from './descriptors.ts';
import { keyText } from './key-bytes.ts';
import { BROADCAST_PREFIX, keyInGroup } from './key-in-group.ts';
import { KeyIndex } from './key-index.ts';
import { MapCell } from './map-cell.ts';
import type { StateReader, StateWriter } from './state-entries.ts';
import { ValueCodec } from './type-serializer.ts';

/** What a row of the stream that is not broadcast sees. Change nothing of what it returns: other instances would not. */
export interface ReadOnlyBroadcastState<UK, UV> {
  /** Null when there is none. */
  get(key: UK): UV | null;
  contains(key: UK): boolean;
  /** In order of insertion. */
  entries(): Iterable<[UK, UV]>;
  /** The same as `entries` (Flink's name). */
  immutableEntries(): Iterable<[UK, UV]>;
  keys(): Iterable<UK>;
  values(): Iterable<UV>;
  isEmpty(): boolean;
}

export interface BroadcastState<UK, UV> extends ReadOnlyBroadcastState<UK, UV> {
  put(key: UK, value: UV): void;
  putAll(entries: Iterable<readonly [UK, UV]>): void;
  remove(key: UK): void;
  clear(): void;
}

export type AnyMapDescriptor = MapStateDescriptor<unknown, unknown>;

/** In the stored name of a state with a serializer of its own. */
const TYPED = '+typed:';

interface Undeclared {
  readonly name: string;
  readonly sub: unknown;
  readonly value: unknown;
}

export class BroadcastStates implements StateReader {
  writable = false;
  readonly operator: string;
  private readonly scope: KeyScope;
  private readonly cells = new Map<string, MapCell>();
  private readonly views = new Map<string, BroadcastView>();
  /** Entries of states that are no longer declared: they may be declared again. */
  private readonly undeclared = new Map<string, Undeclared>();

  constructor(descriptors: readonly AnyMapDescriptor[], maxParallelism: number, operator: string) {
    const keys = new KeyIndex(maxParallelism);
    this.operator = operator;
    this.scope = { id: keys.idOf(keyInGroup(0, maxParallelism)), clockMs: 0, keys, operator };
    for (const { name, serializer } of descriptors) {
      const codec = serializer === null ? null : new ValueCodec(serializer, `operator "${operator}", state "${name}"`);
      const stored = BROADCAST_PREFIX + (codec === null ? '' : TYPED) + name;
      const cell = new MapCell(stored, null, this.scope, codec);
      this.cells.set(stored, cell);
      this.views.set(name, new BroadcastView(name, cell, this));
    }
  }

  of(descriptor: AnyMapDescriptor): BroadcastState<unknown, unknown> {
    const view = this.views.get(descriptor.name);
    if (view !== undefined) return view;
    throw new ConfigError(
      `operator "${this.operator}" asked for broadcast state "${descriptor.name}", which its broadcast stream does not have. Pass the descriptor to broadcast(…) as well.`,
    );
  }

  snapshot(writer: StateWriter): void {
    for (const cell of this.cells.values()) cell.snapshot(writer);
  }

  dump(writer: StateWriter): void {
    for (const cell of this.cells.values()) cell.dump(writer);
    const key = this.scope.keys.keys[this.scope.id];
    for (const { name, sub, value } of this.undeclared.values()) writer.put(0, key, name, sub, value);
  }

  restore(_key: unknown, name: string, sub: unknown, value: unknown): void {
    const cell = this.find(name);
    if (cell !== undefined) cell.restore(this.scope.id, sub, value);
    else this.undeclared.set(address(name, sub), { name, sub, value });
  }

  restoreRemoved(_key: unknown, name: string, sub: unknown): void {
    const cell = this.find(name);
    if (cell !== undefined) cell.restoreRemoved(this.scope.id, sub);
    else this.undeclared.delete(address(name, sub));
  }

  private find(stored: string): MapCell | undefined {
    const cell = this.cells.get(stored);
    const bare = stored.slice(BROADCAST_PREFIX.length);
    const name = bare.startsWith(TYPED) ? bare.slice(TYPED.length) : bare;
    if (cell !== undefined || !this.views.has(name)) return cell;
    throw new ConfigError(
      `operator "${this.operator}": broadcast state "${name}" gained or lost its serializer since it was stored as ${stored}. Give the new state another name, or restore with the old declaration.`,
    );
  }
}

class BroadcastView implements BroadcastState<unknown, unknown> {
  private readonly name: string;
  private readonly cell: MapCell;
  private readonly owner: BroadcastStates;

  constructor(name: string, cell: MapCell, owner: BroadcastStates) {
    this.name = name;
    this.cell = cell;
    this.owner = owner;
  }

  get(key: unknown): unknown {
    return this.cell.get(key);
  }
  contains(key: unknown): boolean {
    return this.cell.contains(key);
  }
  entries(): Iterable<[unknown, unknown]> {
    return this.cell.entries();
  }
  immutableEntries(): Iterable<[unknown, unknown]> {
    return this.cell.entries();
  }
  keys(): Iterable<unknown> {
    return this.cell.keys();
  }
  values(): Iterable<unknown> {
    return this.cell.values();
  }
  isEmpty(): boolean {
    return this.cell.isEmpty();
  }
  put(key: unknown, value: unknown): void {
    this.writable().put(key, value);
  }
  putAll(entries: Iterable<readonly [unknown, unknown]>): void {
    this.writable().putAll(entries);
  }
  remove(key: unknown): void {
    this.writable().remove(key);
  }
  clear(): void {
    this.writable().clear();
  }

  private writable(): MapCell {
    if (this.owner.writable) return this.cell;
    throw new ConfigError(
      `operator "${this.owner.operator}" changed broadcast state "${this.name}" where it may only be read: every instance must hold the same, and only broadcast rows come to all of them. Change it in processBroadcastElement.`,
    );
  }
}

function address(name: string, sub: unknown): string {
  return `${name.length}:${name}${keyText(sub)}`;
}
