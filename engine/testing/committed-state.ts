/** The keyed state of one operator as its last committed epoch left it, read from the stores by the operators' own cells. Reads only. */
import { stateOf } from '../checkpoint/build-plan.ts';
import type { Ports } from '../embedded/executor.ts';
import { readHead, readReachable } from '../runtime/job-records.ts';
import { objectName, ObjectIo } from '../runtime/object-io.ts';
import { BroadcastStates, type AnyMapDescriptor } from '../state/broadcast-states.ts';
import type { KeyScope } from '../state/cell.ts';
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import { keyText } from '../state/key-bytes.ts';
import { KeyIndex } from '../state/key-index.ts';
import { isReserved } from '../state/key-record.ts';
import { BROADCAST_PREFIX } from '../state/key-in-group.ts';
import { KeyedStateStore } from '../state/keyed-state-store.ts';
import { scanRecords } from '../runtime/table/scan-records.ts';
import { readSegment } from '../state/segment.ts';
import type { StateReader } from '../state/state-entries.ts';

interface Entry {
  readonly key: unknown;
  readonly name: string;
  readonly sub: unknown;
  readonly value: unknown;
}

/** Entries that hold timers: of a function's keys, and of windows. (Simple windows and joins keep none: they know when they are due.) */
const TIMERS: Readonly<Record<TimerKind, readonly string[]>> = {
  event: ['timers:event', 'window-timers:event'],
  processing: ['timers:processing', 'window-timers:processing'],
};

/** A state of the user's, by kind and name; a window function's global state is the key's, too. */
const STORED_STATE = /^(?:global\/)?((?:value|list|map|reducing|aggregating)(?:\+ttl)?:(.*))$/s;

export type TimerKind = 'event' | 'processing';

export class CommittedState {
  readonly #operator: string;
  readonly #entries: readonly Entry[];
  readonly #maxParallelism: number;
  readonly #clockMs: number;

  private constructor(operator: string, entries: readonly Entry[], maxParallelism: number, clockMs: number) {
    this.#operator = operator;
    this.#entries = entries;
    this.#maxParallelism = maxParallelism;
    this.#clockMs = clockMs;
  }

  static async read(
    { store, blobs, table }: Ports,
    job: string,
    operator: { readonly uid: string; readonly name: string },
    maxParallelism: number,
  ): Promise<CommittedState> {
    const found = await readHead(store, job);
    const entries = new Map<string, Entry>();
    if (found === null) return new CommittedState(operator.name, [], maxParallelism, 0);
    const { base, log } = stateOf((await readReachable(store, found.head)).base);
    const io = new ObjectIo(blobs, null);
    const reader: StateReader = {
      restore: (key, name, sub, value) => {
        if (!isReserved(name)) entries.set(address(key, name, sub), { key, name, sub, value });
      },
      restoreRemoved: (key, name, sub) => entries.delete(address(key, name, sub)),
    };
    if (table !== undefined && base?.table?.operators.includes(operator.uid) === true) {
      const place = { job, namespace: base.table.namespace, operator: operator.uid };
      await scanRecords(table, place, [0, maxParallelism], reader);
    }
    for (const { object, stage } of [...(base?.snapshots ?? []), ...log])
      if (stage === operator.uid) readSegment(await io.read(object), 0, maxParallelism, objectName(object), reader);
    return new CommittedState(operator.name, [...entries.values()], maxParallelism, found.head.clock);
  }

  /** Times of the timers registered: of one key, or of all. Ascending. */
  timers(kind: TimerKind, key?: unknown): number[] {
    return this.#entries
      .filter(({ name }) => TIMERS[kind].includes(name))
      .filter((entry) => key === undefined || keyText(entry.key) === keyText(key))
      .flatMap((entry) => entry.value as number[])
      .sort((a, b) => a - b);
  }

  /** Pairs of a key and a state of it that holds something; timers are none. */
  get keyedStates(): number {
    const isTimer = (name: string): boolean => Object.values(TIMERS).some((names) => names.includes(name));
    const pairs = this.#entries.filter(({ name }) => !isTimer(name) && !name.startsWith(BROADCAST_PREFIX));
    return new Set(pairs.map(({ key, name }) => address(key, name, null))).size;
  }

  value<T>(key: unknown, descriptor: ValueStateDescriptor<T>): T | null {
    return this.#cell(key, descriptor.name, (states) => states.value(descriptor)).value();
  }
  list<T>(key: unknown, descriptor: ListStateDescriptor<T>): readonly T[] {
    return this.#cell(key, descriptor.name, (states) => states.list(descriptor)).get();
  }
  map<UK, UV>(key: unknown, descriptor: MapStateDescriptor<UK, UV>): ReadonlyMap<UK, UV> {
    return new Map(this.#cell(key, descriptor.name, (states) => states.map(descriptor)).entries());
  }
  reducing<T>(key: unknown, descriptor: ReducingStateDescriptor<T>): T | null {
    return this.#cell(key, descriptor.name, (states) => states.reducing(descriptor)).get();
  }
  aggregating<IN, ACC, OUT>(key: unknown, descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): OUT | null {
    return this.#cell(key, descriptor.name, (states) => states.aggregating(descriptor)).get();
  }

  broadcast<UK, UV>(descriptor: MapStateDescriptor<UK, UV>): ReadonlyMap<UK, UV> {
    const untyped = descriptor as AnyMapDescriptor;
    const states = new BroadcastStates([untyped], this.#maxParallelism, this.#operator);
    for (const { key, name, sub, value } of this.#entries)
      if (name === BROADCAST_PREFIX + descriptor.name) states.restore(key, name, sub, value);
    return new Map(states.of(untyped).entries()) as ReadonlyMap<unknown, unknown> as ReadonlyMap<UK, UV>;
  }

  /** A cell of the operator's kind with what is stored under the name, at the key. */
  #cell<H>(key: unknown, name: string, register: (states: KeyedStateStore) => H): H {
    const keys = new KeyIndex(this.#maxParallelism);
    const scope: KeyScope = { id: keys.idOf(key), clockMs: this.#clockMs, keys, operator: this.#operator };
    const states = new KeyedStateStore(scope);
    const handle = register(states);
    for (const entry of this.#entries) {
      const stored = STORED_STATE.exec(entry.name);
      if (stored?.[2] !== name || keyText(entry.key) !== keyText(key)) continue;
      states.restore(entry.key, stored[1]!, entry.sub, entry.value);
    }
    return handle;
  }
}

function address(key: unknown, name: string, sub: unknown): string {
  return JSON.stringify([keyText(key), name, sub === null ? null : keyText(sub)]);
}
