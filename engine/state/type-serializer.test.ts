/** Serializers of the user's own: class instances in every kind of state, and what a new version does. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../model/errors.ts';
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
import type { TypeSerializer } from './type-serializer.ts';

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  plus(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}

const v1: TypeSerializer<Money> = {
  version: 1,
  serialize: (money) => money.cents,
  deserialize: (cents) => new Money(cents as number),
};
/** Stores { cents } in place of the number. */
const v2: TypeSerializer<Money> = {
  version: 2,
  serialize: ({ cents }) => ({ cents }),
  deserialize: (stored) => new Money((stored as { cents: number }).cents),
  migrate: (stored) => ({ cents: stored }),
};

interface States {
  readonly value: ValueState<Money>;
  readonly list: ListState<Money>;
  readonly map: MapState<string, Money>;
  readonly sum: ReducingState<Money>;
  readonly total: AggregatingState<Money, string>;
}

function open(serializer: TypeSerializer<Money>, ttl: StateTtlConfig): { store: KeyedStateStore; states: States } {
  const keys = new KeyIndex(128);
  const store = new KeyedStateStore({ id: keys.idOf('a'), clockMs: 0, keys, operator: 'purse' });
  const aggregate = {
    createAccumulator: () => new Money(0),
    add: (value: Money, sum: Money) => sum.plus(value),
    getResult: (sum: Money) => `${sum.cents} ct`,
  };
  const states = {
    value: store.value(new ValueStateDescriptor('v', new Money(0), serializer).enableTimeToLive(ttl)),
    list: store.list(new ListStateDescriptor('l', serializer).enableTimeToLive(ttl)),
    map: store.map(new MapStateDescriptor<string, Money>('m', serializer).enableTimeToLive(ttl)),
    sum: store.reducing(
      new ReducingStateDescriptor('r', (a: Money, b: Money) => a.plus(b), serializer).enableTimeToLive(ttl),
    ),
    total: store.aggregating(new AggregatingStateDescriptor('t', aggregate, serializer).enableTimeToLive(ttl)),
  };
  store.seal();
  return { store, states };
}

function segmentOf(store: KeyedStateStore): Uint8Array {
  const writer = new SegmentWriter();
  store.snapshot(writer);
  return writer.finish()!;
}

const NONE = StateTtlConfig.DISABLED;
const HOUR = StateTtlConfig.newBuilder(3_600_000).build();

describe.each([
  ['without', NONE],
  ['with', HOUR],
])('a serializer, %s time-to-live', (_, ttl) => {
  test.each([
    ['the same version', v1],
    ['a newer one that migrates', v2],
  ])('gives instances back after a restore: %s', (_name, later) => {
    const { store, states } = open(v1, ttl);
    states.value.update(new Money(5));
    states.list.addAll([new Money(1), new Money(2)]);
    states.map.put('x', new Money(3));
    states.sum.add(new Money(4));
    states.sum.add(new Money(4));
    states.total.add(new Money(9));
    const bytes = segmentOf(store);
    const restored = open(later, ttl);
    readSegment(bytes, 0, 128, 'segment', restored.store);
    expect(restored.states.value.value()).toStrictEqual(new Money(5));
    expect(restored.states.list.get()).toStrictEqual([new Money(1), new Money(2)]);
    expect([...restored.states.map.entries()]).toStrictEqual([['x', new Money(3)]]);
    restored.states.sum.add(new Money(1));
    expect(restored.states.sum.get()).toStrictEqual(new Money(9));
    expect(restored.states.total.get()).toBe('9 ct');
  });
});

describe('a serializer', () => {
  test('hands out a copy of the default', () => {
    const { states } = open(v1, NONE);
    expect(states.value.value()).toStrictEqual(new Money(0));
    expect(states.value.value()).not.toBe(states.value.value());
  });

  test('an older version without a migration, and a newer one, are refused: operator, state, both versions', () => {
    const restoreWith = (written: TypeSerializer<Money>, now: TypeSerializer<Money>) => (): void => {
      const { store, states } = open(written, NONE);
      states.list.add(new Money(5));
      readSegment(segmentOf(store), 0, 128, 'segment', open(now, NONE).store);
    };
    const { migrate: _, ...without } = v2;
    expect(restoreWith(v1, without)).toThrow(ConfigError);
    expect(restoreWith(v1, without)).toThrow(
      'operator "purse", state "l": the checkpoint has values of serializer version 1, and the job\'s serializer has version 2 and no migrate',
    );
    expect(restoreWith(v2, v1)).toThrow(
      "the checkpoint has values of serializer version 2, and the job's serializer has version 1, which is older",
    );
    const broken: TypeSerializer<Money> = {
      ...v2,
      migrate: () => {
        throw new Error('lost');
      },
    };
    expect(restoreWith(v1, broken)).toThrow('Migrating a value threw: lost');
  });

  test('must give what state can hold, and have a version', () => {
    const circular = { ...v1, serialize: (money: Money) => money };
    expect(() => open(circular, NONE)).toThrow('class Money');
    expect(() => open({ ...v1, version: 0 }, NONE)).toThrow('a whole number from 1; got 0');
  });

  test('given to a state that had none is refused, naming both', () => {
    const { store } = open(v1, NONE);
    expect(() => store.restore('a', 'value:v', null, 5)).toThrow(
      'state "v" was stored as value:v and is now declared as value+typed:v',
    );
  });
});
