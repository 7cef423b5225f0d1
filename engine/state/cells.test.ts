/** The five kinds of state against plain objects that could hardly be wrong; restored after any step, from log or from a fold. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../model/errors.ts';
import type { KeyScope } from './cell.ts';
import { ListStateDescriptor, ValueStateDescriptor } from './descriptors.ts';
import { FiveStates } from './five-states-fixture.ts';
import { KeyIndex } from './key-index.ts';
import { KeyedStateStore } from './keyed-state-store.ts';

const KEYS = ['a', 'b', 'c'];

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
  apply(store: FiveStates, plain: Plain): void;
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
        const store = new FiveStates();
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
    const store = new FiveStates();
    store.at('a').value.update(1);
    store.value.clear();
    store.list.add(1);
    store.list.clear();
    store.map.put('k', 1);
    store.map.remove('k');
    expect(store.snapshot()).toBe(0);
  });

  test('an entry of a map that was removed and put again within one epoch has moved to the end after a restore too', () => {
    const store = new FiveStates();
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

  test('a map is gone through in order of insertion, and knows −0 as 0', () => {
    const store = new FiveStates().at('a');
    store.map.put(-0, 1);
    store.map.putAll(
      new Map([
        ['z', 2],
        ['a', 3],
      ]),
    );
    store.map.put('z', 4);
    for (const restart of [false, true]) {
      store.snapshot();
      if (restart) store.restart();
      const entries = store.at('a').map.iterator();
      expect([entries.next().value, entries.next().value, entries.next().value, entries.next().done]).toEqual([
        [0, 1],
        ['z', 4],
        ['a', 3],
        true,
      ]);
      expect([...store.map.keys()]).toStrictEqual([0, 'z', 'a']);
      expect([...store.map.values()]).toEqual([1, 4, 3]);
      expect([store.map.contains(0), store.map.contains('b'), store.map.isEmpty()]).toEqual([true, false, false]);
    }
  });

  test('a map keeps its own copy of an object that is its key', () => {
    const store = new FiveStates();
    const key = { id: 1 };
    store.at('a').map.put(key, 7);
    key.id = 2;
    expect([...store.map.keys()]).toEqual([{ id: 1 }]);
    expect(store.map.get({ id: 1 })).toBe(7);
  });

  test.each([[undefined], [null], [Symbol('x')], [() => 1]])('a map refuses the key %o', (key) => {
    const store = new FiveStates().at('a');
    expect(() => store.map.put(key, 1)).toThrow(ConfigError);
    expect(() => store.map.put(key, 1)).toThrow('"map:m" of operator "test"');
  });

  test('refuse what cannot be stored, and use where there is no key', () => {
    const store = new FiveStates();
    expect(() => store.value.update(1)).toThrow('no current key');
    expect(() => store.at('a').list.add(new Error('x'))).toThrow(ConfigError);
  });

  test('a list or value handed out is not the one that is kept', () => {
    const store = new FiveStates().at('a');
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
