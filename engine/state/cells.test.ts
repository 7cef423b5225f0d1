/** The five kinds of state against plain objects that could hardly be wrong; restored after any step, from log or from a fold. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../model/errors.ts';
import type { KeyScope } from './cell.ts';
import {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from './descriptors.ts';
import { KeyIndex } from './key-index.ts';
import { KeyedStateStore } from './keyed-state-store.ts';
import { readSegment, SegmentWriter } from './segment.ts';
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './states.ts';
import { StateTtlConfig } from './ttl.ts';

const KEYS = ['a', 'b', 'c'];

/** A store with all five states, and what it has written. */
class Store {
  readonly scope: { -readonly [P in keyof KeyScope]: KeyScope[P] };
  readonly segments: Uint8Array[] = [];
  store!: KeyedStateStore;
  value!: ValueState<number>;
  list!: ListState<unknown>;
  map!: MapState<unknown, number>;
  max!: ReducingState<number>;
  sum!: AggregatingState<number, string>;
  private readonly ttl: StateTtlConfig | null;

  constructor(ttl: StateTtlConfig | null = null) {
    this.ttl = ttl;
    this.scope = { id: -1, clockMs: 0, keys: new KeyIndex(128), operator: 'test' };
    this.open();
  }
  private open(): void {
    const states = new KeyedStateStore(this.scope);
    const kept = <D extends { enableTimeToLive(config: StateTtlConfig): D }>(d: D): D =>
      this.ttl === null ? d : d.enableTimeToLive(this.ttl);
    this.store = states;
    this.value = states.value(kept(new ValueStateDescriptor<number>('v')));
    this.list = states.list(kept(new ListStateDescriptor<unknown>('l')));
    this.map = states.map(kept(new MapStateDescriptor<unknown, number>('m')));
    this.max = states.reducing(kept(new ReducingStateDescriptor<number>('r', (a, b) => Math.max(a, b))));
    const add = {
      createAccumulator: () => ({ n: 0 }),
      add: (v: number, a: { n: number }) => {
        a.n += v;
        return a;
      },
      getResult: (a: { n: number }) => `sum ${a.n}`,
    };
    this.sum = states.aggregating(kept(new AggregatingStateDescriptor('a', add)));
    states.seal();
  }
  at(key: string): this {
    this.scope.id = this.scope.keys.idOf(key);
    return this;
  }
  snapshot(): number {
    const writer = new SegmentWriter();
    this.store.snapshot(writer);
    const bytes = writer.finish();
    if (bytes !== null) this.segments.push(bytes);
    return writer.entries;
  }
  /** Memory is lost; what was written is read again. */
  restart(): void {
    this.scope.keys = new KeyIndex(128);
    this.scope.id = -1;
    this.open();
    for (const bytes of this.segments) readSegment(bytes, 0, 128, 'segment', this.store);
  }
  shown(key: string): unknown {
    this.at(key);
    return {
      value: this.value.value(),
      list: this.list.get(),
      map: [...this.map.entries()],
      max: this.max.get(),
      sum: this.sum.get(),
    };
  }
  isLive(key: string): boolean {
    return this.store.isLive(this.scope.keys.idOf(key));
  }
}

interface Plain {
  value: number | null;
  list: unknown[];
  map: Map<string, [unknown, number]>;
  max: number | null;
  sum: number | null;
}

const shownPlain = (p: Plain): unknown => ({
  value: p.value,
  list: p.list,
  map: [...p.map.values()],
  max: p.max,
  sum: p.sum === null ? null : `sum ${p.sum}`,
});

const mapKey = fc.oneof(fc.constantFrom('x', 'y', '\0ox', 1, '1', true, 2n), fc.constantFrom([1], { p: 1 }, ['x']));
const textOf = (key: unknown): string =>
  typeof key === 'object' ? `o${JSON.stringify(key)}` : `${typeof key} ${key as string}`;
const n = fc.integer({ min: 0, max: 9 });

interface Command {
  apply(store: Store, plain: Plain): void;
  toString(): string;
}
const command = (text: string, apply: Command['apply']): Command => ({ apply, toString: () => text });
const change: fc.Arbitrary<Command> = fc.oneof(
  n.map((x) =>
    command(`value.update(${x})`, (s, p) => {
      s.value.update(x);
      p.value = x;
    }),
  ),
  fc.constant(
    command('value.clear()', (s, p) => {
      s.value.clear();
      p.value = null;
    }),
  ),
  n.map((x) =>
    command(`list.add(${x})`, (s, p) => {
      s.list.add(x);
      p.list.push(x);
    }),
  ),
  fc.array(n, { maxLength: 3 }).map((xs) =>
    command(`list.update([${xs.join()}])`, (s, p) => {
      s.list.update(xs);
      p.list = [...xs];
    }),
  ),
  fc.constant(
    command('list.clear()', (s, p) => {
      s.list.clear();
      p.list = [];
    }),
  ),
  fc.tuple(mapKey, n).map(([k, x]) =>
    command(`map.put(${textOf(k)}, ${x})`, (s, p) => {
      s.map.put(k, x);
      p.map.set(textOf(k), [k, x]);
    }),
  ),
  mapKey.map((k) =>
    command(`map.remove(${textOf(k)})`, (s, p) => {
      s.map.remove(k);
      p.map.delete(textOf(k));
    }),
  ),
  fc.constant(
    command('map.clear()', (s, p) => {
      s.map.clear();
      p.map.clear();
    }),
  ),
  n.map((x) =>
    command(`max.add(${x})`, (s, p) => {
      s.max.add(x);
      p.max = Math.max(p.max ?? x, x);
    }),
  ),
  fc.constant(
    command('max.clear()', (s, p) => {
      s.max.clear();
      p.max = null;
    }),
  ),
  n.map((x) =>
    command(`sum.add(${x})`, (s, p) => {
      s.sum.add(x);
      p.sum = (p.sum ?? 0) + x;
    }),
  ),
  fc.constant(
    command('sum.clear()', (s, p) => {
      s.sum.clear();
      p.sum = null;
    }),
  ),
);
const stepOf = fc.record({
  key: fc.constantFrom(...KEYS),
  change,
  after: fc.constantFrom('nothing', 'nothing', 'snapshot', 'restart'),
});

describe('keyed states', () => {
  test('do what plain objects do, and are the same after a restore at any step', () => {
    fc.assert(
      fc.property(fc.array(stepOf, { maxLength: 50 }), (steps) => {
        const store = new Store();
        const plain = Object.fromEntries(
          KEYS.map((key): [string, Plain] => [key, { value: null, list: [], map: new Map(), max: null, sum: null }]),
        );
        for (const {
          key,
          change: { apply },
          after,
        } of steps) {
          apply(store.at(key), plain[key]!);
          if (after !== 'nothing') store.snapshot();
          if (after === 'restart') store.restart();
          for (const k of KEYS) expect(store.shown(k)).toEqual(shownPlain(plain[k]!));
        }
        store.snapshot();
        for (const k of KEYS) {
          const { value, list, map, max, sum } = plain[k]!;
          expect(store.isLive(k)).toBe(
            value !== null || list.length > 0 || map.size > 0 || max !== null || sum !== null,
          );
        }
        expect(store.snapshot()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('an entry that came and went within one epoch is not written', () => {
    const store = new Store();
    store.at('a').value.update(1);
    store.value.clear();
    store.list.add(1);
    store.list.clear();
    store.map.put('k', 1);
    store.map.remove('k');
    expect(store.snapshot()).toBe(0);
  });

  test('an entry of a map that was removed and put again within one epoch has moved to the end after a restore too', () => {
    const store = new Store();
    store.at('a').map.putAll([
      ['x', 1],
      ['y', 2],
    ]);
    store.snapshot();
    store.map.remove('x');
    store.map.put('x', 3);
    store.snapshot();
    store.restart();
    expect([...store.at('a').map.keys()]).toEqual(['y', 'x']);
  });

  test('a map keeps its own copy of an object that is its key', () => {
    const store = new Store();
    const key = { id: 1 };
    store.at('a').map.put(key, 7);
    key.id = 2;
    expect([...store.map.keys()]).toEqual([{ id: 1 }]);
    expect(store.map.get({ id: 1 })).toBe(7);
  });

  test.each([[undefined], [null], [Symbol('x')], [() => 1]])('a map refuses the key %o', (key) => {
    const store = new Store().at('a');
    expect(() => store.map.put(key, 1)).toThrow(ConfigError);
    expect(() => store.map.put(key, 1)).toThrow('"map:m" of operator "test"');
  });

  test('refuse what cannot be stored, and use where there is no key', () => {
    const store = new Store();
    expect(() => store.value.update(1)).toThrow('no current key');
    expect(() => store.at('a').list.add(new Error('x'))).toThrow(ConfigError);
  });

  test('a list or value handed out is not the one that is kept', () => {
    const store = new Store().at('a');
    store.list.add(1);
    (store.list.get() as number[]).push(2);
    expect(store.list.get()).toEqual([1]);
  });
});

describe('declarations of state', () => {
  const scope = (): KeyScope => ({ id: -1, clockMs: 0, keys: new KeyIndex(128), operator: 'op' });

  test('a default value is handed out as a copy', () => {
    const s = scope();
    const state = new KeyedStateStore(s).value(new ValueStateDescriptor<number[]>('v', []));
    s.id = s.keys.idOf('a');
    state.value()!.push(1);
    expect(state.value()).toEqual([]);
  });

  test('the same state twice is one; of two kinds it is refused; after open it is too late', () => {
    const states = new KeyedStateStore(scope());
    expect(states.value(new ValueStateDescriptor('x'))).toBe(states.value(new ValueStateDescriptor('x')));
    expect(() => states.list(new ListStateDescriptor('x'))).toThrow('declares the state "x" twice');
    states.seal();
    expect(() => states.list(new ListStateDescriptor('y'))).toThrow('after it was opened');
  });

  test('a state that has changed its kind is refused at restore, naming both', () => {
    const states = new KeyedStateStore(scope());
    states.list(new ListStateDescriptor('x'));
    expect(() => states.restore('a', 'value:x', null, 1)).toThrow(
      'was stored as value:x and is now declared as list:x',
    );
    states.restore('a', 'value:gone', null, 1);
  });
});

describe('time to live', () => {
  const HOUR = 3_600_000;
  const ttl = (
    update: 'OnCreateAndWrite' | 'OnReadAndWrite',
    visibility: 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp' = 'NeverReturnExpired',
  ) => new Store(StateTtlConfig.newBuilder(HOUR).setUpdateType(update).setStateVisibility(visibility).build());
  const EMPTY = { value: null, list: [], map: [], max: null, sum: null };

  function fill(store: Store, x: number): Store {
    store.at('a').value.update(x);
    store.list.add(x);
    store.map.put(x, x);
    store.max.add(x);
    store.sum.add(x);
    return store;
  }

  test('values expire so long after they were written, to the millisecond', () => {
    const store = fill(ttl('OnCreateAndWrite'), 1);
    store.scope.clockMs = HOUR - 1;
    expect(store.shown('a')).toEqual({ value: 1, list: [1], map: [[1, 1]], max: 1, sum: 'sum 1' });
    store.scope.clockMs = HOUR;
    expect(store.shown('a')).toEqual(EMPTY);
    expect(store.isLive('a')).toBe(false);
  });

  test('lists and maps expire element by element', () => {
    const store = fill(ttl('OnCreateAndWrite'), 1);
    store.scope.clockMs = HOUR / 2;
    fill(store, 2);
    store.scope.clockMs = HOUR;
    expect(store.shown('a')).toEqual({ value: 2, list: [2], map: [[2, 2]], max: 2, sum: 'sum 3' });
    expect(store.map.contains(1)).toBe(false);
    expect(store.map.get(1)).toBeNull();
  });

  test('reads renew where asked to', () => {
    const store = fill(ttl('OnReadAndWrite'), 1);
    store.scope.clockMs = HOUR - 1;
    store.shown('a');
    store.scope.clockMs = 2 * HOUR - 2;
    expect(store.shown('a')).toEqual({ value: 1, list: [1], map: [[1, 1]], max: 1, sum: 'sum 1' });
    store.scope.clockMs = 4 * HOUR;
    expect(store.shown('a')).toEqual(EMPTY);
  });

  test('what has expired is shown once where asked to', () => {
    const store = fill(ttl('OnCreateAndWrite', 'ReturnExpiredIfNotCleanedUp'), 1);
    store.scope.clockMs = HOUR;
    expect(store.shown('a')).toEqual({ value: 1, list: [1], map: [[1, 1]], max: 1, sum: 'sum 1' });
    expect(store.shown('a')).toEqual(EMPTY);
  });

  test('snapshots drop what has expired, and a restore keeps the times', () => {
    const store = fill(ttl('OnCreateAndWrite'), 1);
    store.snapshot();
    store.restart();
    store.scope.clockMs = HOUR - 1;
    expect(store.shown('a')).toEqual({ value: 1, list: [1], map: [[1, 1]], max: 1, sum: 'sum 1' });
    store.scope.clockMs = HOUR;
    expect(store.snapshot()).toBe(5);
    expect(store.isLive('a')).toBe(false);
    store.restart();
    expect(store.isLive('a')).toBe(false);
    expect(store.shown('a')).toEqual(EMPTY);
  });
});
