/**
 * States per owner (a key and a window, or a key) that user code asks for when it wants them, and not beforehand: those of triggers and
 * window functions.
 *
 * The stored name is prefix, kind and name. Entries of a state wait until its descriptor is seen, which says how to read them; a state that
 * changed its kind, or gained or lost its time-to-live or serializer, is refused then. What is dropped while it waits is gone.
 */
import { ConfigError } from '../model/errors.ts';
import type { OwnerScope } from './cell.ts';
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from './descriptors.ts';
import { AggregatingCell, ReducingCell } from './folding-cells.ts';
import { keyText } from './key-bytes.ts';
import { ListCell } from './list-cell.ts';
import { MapCell } from './map-cell.ts';
import type { StateAccess } from './state-access.ts';
import type { StateWriter } from './state-entries.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './states.ts';
import { ValueCodec } from './type-serializer.ts';
import { ValueCell } from './value-cell.ts';
import { WaitingEntries } from './waiting-entries.ts';

export type AnyDescriptor =
  | ValueStateDescriptor<unknown>
  | ListStateDescriptor<unknown>
  | MapStateDescriptor<unknown, unknown>
  | ReducingStateDescriptor<unknown>
  | AggregatingStateDescriptor<unknown, unknown, unknown>;

type Handle = ValueCell | ListCell | MapCell | ReducingCell | AggregatingCell;
interface Known {
  readonly stored: string;
  /** What was restored, until there is a handle. */
  readonly waiting: WaitingEntries;
  handle: Handle | null;
}

export class NamespacedStates implements StateAccess {
  private readonly prefix: string;
  private readonly scope: OwnerScope;
  /** By plain name. */
  private readonly states = new Map<string, Known>();
  private readonly handles = new Map<AnyDescriptor, Handle>();

  /** `prefix`: what its entries' names begin with. */
  constructor(prefix: string, scope: OwnerScope) {
    this.prefix = prefix;
    this.scope = scope;
  }

  getState<T>(d: ValueStateDescriptor<T>): ValueState<T> {
    return this.handle(d) as ValueState<unknown> as ValueState<T>;
  }
  getListState<T>(d: ListStateDescriptor<T>): ListState<T> {
    return this.handle(d) as ListState<unknown> as ListState<T>;
  }
  getMapState<UK, UV>(d: MapStateDescriptor<UK, UV>): MapState<UK, UV> {
    return this.handle(d) as MapState<unknown, unknown> as MapState<UK, UV>;
  }
  getReducingState<T>(d: ReducingStateDescriptor<T>): ReducingState<T> {
    return this.handle(d as ReducingStateDescriptor<unknown>) as ReducingState<unknown> as ReducingState<T>;
  }
  getAggregatingState<IN, ACC, OUT>(d: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT> {
    return this.handle(d) as AggregatingState<IN, OUT>;
  }

  /** The state of any descriptor, of whatever owner `scope.id` names when it is used. */
  handle(descriptor: AnyDescriptor): Handle {
    let handle = this.handles.get(descriptor);
    if (handle === undefined) this.handles.set(descriptor, (handle = this.declared(descriptor)));
    return handle;
  }

  /** The sources' state becomes part of the target's. List, reducing and aggregating state only. */
  merge(descriptor: AnyDescriptor, target: number, sources: readonly number[]): void {
    const handle = this.handle(descriptor);
    const { scope } = this;
    const before = scope.id;
    for (const source of sources) {
      if (source === target || !cellOf(handle).isLive(source)) continue;
      scope.id = source;
      if (handle instanceof ListCell) {
        const taken = handle.get();
        handle.clear();
        scope.id = target;
        handle.addAll(taken);
      } else this.mergeValue(descriptor, handle, target);
    }
    scope.id = before;
  }

  private mergeValue(descriptor: AnyDescriptor, handle: Handle, target: number): void {
    const merge = this.mergeFunction(descriptor);
    const cell = cellOf(handle) as ValueCell;
    const taken = cell.value();
    cell.clear();
    this.scope.id = target;
    const old = cell.value();
    cell.update(old === null ? taken : merge(old, taken));
  }

  private mergeFunction(descriptor: AnyDescriptor): (a: unknown, b: unknown) => unknown {
    if (descriptor.kind === 'reducing') return descriptor.reduce;
    const what = `operator "${this.scope.operator}": state "${descriptor.name}"`;
    if (descriptor.kind !== 'aggregating')
      throw new ConfigError(
        `${what} is ${descriptor.kind} state, which cannot be merged; windows that merge need list, reducing or aggregating state.`,
      );
    const { aggregate } = descriptor;
    if (aggregate.merge === undefined)
      throw new ConfigError(`${what} has an aggregate without merge(a, b); windows that merge need it.`);
    return (a, b) => aggregate.merge!(a, b);
  }

  /** Drops everything of an owner. */
  drop(id: number): void {
    const before = this.scope.id;
    this.scope.id = id;
    for (const { waiting, handle } of this.states.values()) {
      waiting.drop(id);
      if (handle !== null && cellOf(handle).isLive(id)) handle.clear();
    }
    this.scope.id = before;
  }

  /** True once it has any state. */
  get isUsed(): boolean {
    return this.states.size > 0;
  }

  isLive(id: number): boolean {
    for (const { waiting, handle } of this.states.values())
      if (waiting.has(id) || (handle !== null && cellOf(handle).isLive(id))) return true;
    return false;
  }

  snapshot(writer: StateWriter): void {
    for (const { stored, waiting, handle } of this.states.values()) {
      waiting.snapshot(writer, stored, this.scope.keys);
      if (handle !== null) cellOf(handle).snapshot(writer);
    }
  }

  dump(writer: StateWriter): void {
    for (const { stored, waiting, handle } of this.states.values()) {
      waiting.dump(writer, stored, this.scope.keys);
      if (handle !== null) cellOf(handle).dump(writer);
    }
  }

  /** True for names of its entries. */
  owns(name: string): boolean {
    return name.startsWith(this.prefix);
  }

  /** Forgets what is in memory of an owner, right after a snapshot. */
  evict(id: number): void {
    for (const { waiting, handle } of this.states.values()) {
      waiting.evict(id);
      if (handle !== null) cellOf(handle).evict(id);
    }
  }

  restore(id: number, stored: string, sub: unknown, value: unknown): void {
    const { waiting, handle } = this.restoredInto(stored);
    if (handle === null) waiting.put(id, sub === null ? '' : keyText(sub), sub, value);
    else cellOf(handle).restore(id, sub, value);
  }

  restoreRemoved(id: number, stored: string, sub: unknown): void {
    const { waiting, handle } = this.restoredInto(stored);
    if (handle === null) waiting.remove(id, sub === null ? '' : keyText(sub));
    else cellOf(handle).restoreRemoved(id, sub);
  }

  private restoredInto(stored: string): Known {
    return this.known(stored.slice(stored.indexOf(':') + 1), stored);
  }

  private declared(descriptor: AnyDescriptor): Handle {
    const { kind, name, ttl, serializer } = descriptor;
    const options = `${serializer === null ? '' : '+typed'}${ttl === null ? '' : '+ttl'}`;
    const known = this.known(name, `${this.prefix}${kind}${options}:${name}`);
    if (known.handle !== null) return known.handle;
    known.handle = handleOf(descriptor, known.stored, this.scope);
    known.waiting.giveTo(cellOf(known.handle));
    return known.handle;
  }

  private known(name: string, stored: string): Known {
    let known = this.states.get(name);
    // Of a kind that nothing is left of, the name is free again.
    if (known === undefined || (known.handle === null && known.waiting.isEmpty)) {
      this.states.set(name, (known = { stored, waiting: new WaitingEntries(), handle: null }));
    }
    if (known.stored === stored) return known;
    throw this.changed(name, known.stored, stored);
  }

  private changed(name: string, was: string, is: string): ConfigError {
    return new ConfigError(
      `operator "${this.scope.operator}": state "${name}" is known as ${was} and is now ${is}. Give the new state another name.`,
    );
  }
}

function handleOf(descriptor: AnyDescriptor, stored: string, scope: OwnerScope): Handle {
  const { kind, name, ttl, serializer } = descriptor;
  const codec =
    serializer === null ? null : new ValueCodec(serializer, `operator "${scope.operator}", state "${name}"`);
  switch (kind) {
    case 'value':
      return new ValueCell(stored, ttl, scope, descriptor.defaultValue, codec);
    case 'list':
      return new ListCell(stored, ttl, scope, codec);
    case 'map':
      return new MapCell(stored, ttl, scope, codec);
    case 'reducing':
      return new ReducingCell(new ValueCell(stored, ttl, scope, null, codec), descriptor.reduce);
    case 'aggregating':
      return new AggregatingCell(stored, ttl, scope, descriptor.aggregate, codec);
  }
}

function cellOf(handle: Handle): ValueCell | ListCell | MapCell {
  return handle instanceof ReducingCell || handle instanceof AggregatingCell ? handle.cell : handle;
}
