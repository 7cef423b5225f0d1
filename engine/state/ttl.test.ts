/** Time to live: when which parts of a state expire, and who sees it. */
import { describe, expect, test } from 'vitest';
import { ListStateDescriptor, ValueStateDescriptor } from './descriptors.ts';
import { FiveStates } from './five-states-fixture.ts';
import { StateTtlConfig } from './ttl.ts';

describe('time to live', () => {
  const HOUR = 3_600_000;
  const ttl = (
    update: 'OnCreateAndWrite' | 'OnReadAndWrite',
    visibility: 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp' = 'NeverReturnExpired',
  ) => new FiveStates(StateTtlConfig.newBuilder(HOUR).setUpdateType(update).setStateVisibility(visibility).build());
  const EMPTY = { value: null, list: [], map: [], max: null, sum: null };

  function fill(store: FiveStates, x: number): FiveStates {
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

  test('what has expired is shown for one more time-to-live, however it was stored in between', () => {
    const shown = { value: 1, list: [1], map: [[1, 1]], max: 1, sum: 'sum 1' };
    for (const restart of [false, true]) {
      const store = fill(ttl('OnCreateAndWrite', 'ReturnExpiredIfNotCleanedUp'), 1);
      for (const time of [HOUR, 2 * HOUR - 1]) {
        store.scope.clockMs = time;
        store.snapshot();
        if (restart) store.restart();
      }
      expect(store.at('a').map.isEmpty()).toBe(false);
      expect(store.shown('a')).toEqual(shown);
    }
    const store = fill(ttl('OnCreateAndWrite', 'ReturnExpiredIfNotCleanedUp'), 1);
    store.scope.clockMs = 2 * HOUR;
    expect(store.at('a').map.isEmpty()).toBe(true);
    expect(store.shown('a')).toEqual(EMPTY);
  });

  test('contains reads: it renews where reads do, and an expired entry is seen once', () => {
    const renewed = fill(ttl('OnReadAndWrite'), 1);
    renewed.scope.clockMs = HOUR - 1;
    expect(renewed.map.contains(1)).toBe(true);
    renewed.scope.clockMs = 2 * HOUR - 2;
    expect(renewed.map.get(1)).toBe(1);
    const once = fill(ttl('OnCreateAndWrite', 'ReturnExpiredIfNotCleanedUp'), 1);
    once.scope.clockMs = HOUR;
    expect(once.map.contains(1)).toBe(true);
    expect(once.map.contains(1)).toBe(false);
  });

  test('without background cleanup, what has expired stays until it is touched', () => {
    const store = new FiveStates(StateTtlConfig.newBuilder(HOUR).disableCleanupInBackground().build());
    fill(store, 1);
    store.scope.clockMs = 5 * HOUR;
    store.snapshot();
    expect(store.isLive('a')).toBe(true);
    expect(store.shown('a')).toEqual(EMPTY);
    expect(store.isLive('a')).toBe(false);
  });

  test('the builder says all that Flink says, and refuses what cannot be', () => {
    const { UpdateType, StateVisibility, TtlTimeCharacteristic } = StateTtlConfig;
    const config = StateTtlConfig.newBuilder(1)
      .setTimeToLive(HOUR)
      .setUpdateType(UpdateType.OnReadAndWrite)
      .setStateVisibility(StateVisibility.ReturnExpiredIfNotCleanedUp)
      .setTtlTimeCharacteristic(TtlTimeCharacteristic.ProcessingTime)
      .useProcessingTime()
      .cleanupFullSnapshot()
      .cleanupIncrementally(10, true)
      .build();
    expect(config).toEqual({
      ttlMs: HOUR,
      updateType: 'OnReadAndWrite',
      visibility: 'ReturnExpiredIfNotCleanedUp',
      cleanupInBackground: true,
      cleanupSize: 10,
    });
    expect(StateTtlConfig.newBuilder(1).updateTtlOnReadAndWrite().updateTtlOnCreateAndWrite().build().updateType).toBe(
      'OnCreateAndWrite',
    );
    const builder = StateTtlConfig.newBuilder(1);
    expect(() => StateTtlConfig.newBuilder(0)).toThrow('positive');
    expect(() => builder.setTimeToLive(-1)).toThrow('positive');
    expect(() => builder.cleanupIncrementally(0)).toThrow('1 or more');
    expect(() => builder.setUpdateType('Never' as 'Disabled')).toThrow('setUpdateType takes Disabled or');
    expect(() => builder.setTtlTimeCharacteristic('EventTime' as 'ProcessingTime')).toThrow('processing time only');
    expect(() => builder.cleanupInRocksdbCompactFilter(1000)).toThrow('no RocksDB here');
  });

  test('disabled is none', () => {
    const off = StateTtlConfig.newBuilder(HOUR).setUpdateType('Disabled').build();
    expect(new ValueStateDescriptor<number>('v').enableTimeToLive(off).ttl).toBeNull();
    expect(new ListStateDescriptor<number>('l').enableTimeToLive(StateTtlConfig.DISABLED).ttl).toBeNull();
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
