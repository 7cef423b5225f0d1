/**
 * The keyed states of one operator: made from descriptors while the function opens, written and restored together.
 * The stored name of a state is its kind and name; a state that changed its kind, or gained or lost its time-to-live or its serializer, is
 * refused at restore, naming both, before anything is written.
 */
import { ConfigError } from '../model/errors.ts';
import type { Cell, KeyScope } from './cell.ts';
import type {
  AggregateFunction,
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from './descriptors.ts';
import { AggregatingCell, ReducingCell } from './folding-cells.ts';
import { keyHash, keyText } from './key-bytes.ts';
import { ListCell } from './list-cell.ts';
import { MapCell } from './map-cell.ts';
import type { StateReader, StateWriter } from './state-entries.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './states.ts';
import type { StateTtlConfig } from './ttl.ts';
import { ValueCodec, type TypeSerializer } from './type-serializer.ts';
import { ValueCell } from './value-cell.ts';

/** What all descriptors say. */
interface Declaration {
  readonly kind: string;
  readonly name: string;
  readonly ttl: StateTtlConfig | null;
  /** A TypeSerializer of what the state holds. */
  readonly serializer: object | null;
}

interface Entry {
  readonly keyGroup: number;
  readonly key: unknown;
  readonly name: string;
  readonly sub: unknown;
  readonly value: unknown;
}

export class KeyedStateStore implements StateReader {
  private readonly scope: KeyScope;
  private readonly cells = new Map<string, Cell<unknown>>();
  private readonly handles = new Map<string, unknown>();
  /** Entries of states that the function no longer declares: it may declare them again. */
  private readonly undeclared = new Map<string, Entry>();
  private sealed = false;

  constructor(scope: KeyScope) {
    this.scope = scope;
  }

  value<T>(d: ValueStateDescriptor<T>): ValueState<T> {
    return this.register(
      d,
      (name, codec) => new ValueCell(name, d.ttl, this.scope, d.defaultValue, codec),
    ) as ValueState<T>;
  }

  list<T>(d: ListStateDescriptor<T>): ListState<T> {
    return this.register(
      d,
      (name, codec) => new ListCell(name, d.ttl, this.scope, codec),
    ) as ListState<unknown> as ListState<T>;
  }

  map<UK, UV>(d: MapStateDescriptor<UK, UV>): MapState<UK, UV> {
    return this.register(d, (name, codec) => new MapCell(name, d.ttl, this.scope, codec)) as MapState<UK, UV>;
  }

  reducing<T>(d: ReducingStateDescriptor<T>): ReducingState<T> {
    const reduce = d.reduce as (a: unknown, b: unknown) => unknown;
    return this.register(
      d,
      (name, codec) => new ReducingCell(new ValueCell(name, d.ttl, this.scope, null, codec), reduce),
    ) as ReducingState<unknown> as ReducingState<T>;
  }

  aggregating<IN, ACC, OUT>(d: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT> {
    const aggregate = d.aggregate as AggregateFunction<unknown, unknown, unknown>;
    return this.register(
      d,
      (name, codec) => new AggregatingCell(name, d.ttl, this.scope, aggregate, codec),
    ) as AggregatingState<IN, OUT>;
  }

  /** After open: later registrations would miss what was restored. */
  seal(): void {
    this.sealed = true;
  }

  snapshot(writer: StateWriter): void {
    for (const cell of this.cells.values()) cell.snapshot(writer);
  }

  dump(writer: StateWriter): void {
    for (const cell of this.cells.values()) cell.dump(writer);
    for (const { keyGroup, key, name, sub, value } of this.undeclared.values())
      writer.put(keyGroup, key, name, sub, value);
  }

  isLive(id: number): boolean {
    for (const cell of this.cells.values()) if (cell.isLive(id)) return true;
    return false;
  }

  /** Forgets what is in memory of these keys, right after a snapshot; entries of undeclared states are stored, too. */
  evict(ids: readonly number[]): void {
    for (const cell of this.cells.values()) for (const id of ids) cell.evict(id);
    this.undeclared.clear();
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    const cell = this.find(name);
    if (cell !== undefined) cell.restore(this.scope.keys.idOf(key), sub, value);
    else
      this.undeclared.set(address(key, name, sub), {
        keyGroup: keyHash(key) % this.scope.keys.maxParallelism,
        key,
        name,
        sub,
        value,
      });
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    const cell = this.find(name);
    if (cell !== undefined) cell.restoreRemoved(this.scope.keys.idOf(key), sub);
    else this.undeclared.delete(address(key, name, sub));
  }

  private register<C extends Cell<unknown> | ReducingCell | AggregatingCell>(
    { kind, name, ttl, serializer }: Declaration,
    make: (storedName: string, codec: ValueCodec | null) => C,
  ): C {
    const stored = `${kind}${serializer === null ? '' : '+typed'}${ttl === null ? '' : '+ttl'}:${name}`;
    const known = this.handles.get(stored);
    if (known !== undefined) return known as C;
    const { operator } = this.scope;
    if (this.sealed) {
      throw new ConfigError(
        `operator "${operator}" asked for state "${name}" after it was opened. Ask for all states in open(ctx), and keep the handles.`,
      );
    }
    for (const other of this.cells.keys()) {
      if (plainName(other) === name) {
        throw new ConfigError(
          `operator "${operator}" declares the state "${name}" twice, as ${other} and ${stored}. Give each its own name.`,
        );
      }
    }
    const where = `operator "${operator}", state "${name}"`;
    const made = make(
      stored,
      serializer === null ? null : new ValueCodec(serializer as TypeSerializer<unknown>, where),
    );
    this.handles.set(stored, made);
    this.cells.set(stored, made instanceof ReducingCell || made instanceof AggregatingCell ? made.cell : made);
    return made;
  }

  /** Null for a state that the function no longer declares: its entries are kept as they are. */
  private find(stored: string): Cell<unknown> | undefined {
    const cell = this.cells.get(stored);
    if (cell !== undefined) return cell;
    if (!/^(?:value|list|map|reducing|aggregating)(?:\+typed)?(?:\+ttl)?:/.test(stored)) {
      throw new ConfigError(
        `operator "${this.scope.operator}" has state "${stored}" of another kind of operator in the checkpoint. Give the new operator another uid, or restore with the old one.`,
      );
    }
    for (const other of this.cells.keys()) {
      if (plainName(other) === plainName(stored)) {
        throw new ConfigError(
          `operator "${this.scope.operator}": state "${plainName(stored)}" was stored as ${stored} and is now declared as ${other}. Give the new state another name, or restore with the old declaration.`,
        );
      }
    }
    return undefined;
  }
}

function address(key: unknown, name: string, sub: unknown): string {
  return JSON.stringify([keyText(key), name, sub === null ? null : keyText(sub)]);
}

function plainName(stored: string): string {
  return stored.slice(stored.indexOf(':') + 1);
}
