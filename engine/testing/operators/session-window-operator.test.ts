/** Sessions on the fast operator: against the naive model, and row by row against the general operator. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_WATERMARK } from '../../model/watermark.ts';
import type { RowCursor, SourceBatch } from '../../model/source-batch.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorFactory } from '../../operators/keyed-operator.ts';
import { SessionWindowOperator } from '../../operators/session-window-operator.ts';
import { windowOperatorFactory } from '../../operators/window-operator-factory.ts';
import type { WindowOperatorOptions } from '../../operators/window-operator-options.ts';
import { WindowOperator } from '../../operators/window-operator.ts';
import { ValueStateDescriptor, type AggregateFunction } from '../../state/descriptors.ts';
import { EventTimeSessionWindows } from '../../windows/session-windows.ts';
import type { TimeWindow } from '../../windows/time-window.ts';
import { WindowDriver, type OutRow } from './window-driver.ts';
import { gapOf, WindowOracle, type Row } from './window-oracle.ts';

interface Settings {
  readonly gap: number;
  readonly dynamic: boolean;
  readonly lateness: number;
}
interface Step {
  readonly row: Row;
  /** Before the row: what was seen of its partition; null: as at the end of the epoch before. */
  readonly ahead: number | null;
  /** At the end of the row's epoch. */
  readonly watermark: number;
}

/** Its order of merging shows. */
const LIST: AggregateFunction<unknown, unknown, unknown> = {
  createAccumulator: () => [],
  add: (row, list) => [...(list as number[]), (row as Row).v],
  merge: (a, b) => [...(a as number[]), ...(b as number[])],
  getResult: (list) => list,
};
/** Goes on changing one object, which is its result, too. */
const SUM: AggregateFunction<unknown, unknown, unknown> = {
  createAccumulator: () => ({ n: 0, sum: 0 }),
  add: (row, total) => {
    const t = total as { n: number; sum: number };
    t.n++;
    t.sum += (row as Row).v;
    return t;
  },
  merge: (a, b) => {
    const [x, y] = [a, b] as { n: number; sum: number }[];
    return { n: x!.n + y!.n, sum: x!.sum + y!.sum };
  },
  getResult: (total) => total,
};

const FIRES = new ValueStateDescriptor<number>('fires', 0);

function optionsOf(s: Settings, aggregate: AggregateFunction<unknown, unknown, unknown>): WindowOperatorOptions {
  const assigner = s.dynamic
    ? EventTimeSessionWindows.withDynamicGap((row: Row) => gapOf(row, s.gap))
    : EventTimeSessionWindows.withGap(s.gap);
  return {
    assigner,
    trigger: assigner.getDefaultTrigger(),
    evictor: null,
    aggregate,
    stateKind: 'test',
    windowFunction(key, context, elements, out) {
      const { start, end } = context.window as TimeWindow;
      const fires = context.globalState().getState(FIRES);
      fires.update(fires.value()! + 1);
      out.collect([key, start, end, ...elements, fires.value(), context.currentWatermark()]);
      if (elements.length !== 1) throw new Error('an aggregation has one result');
    },
    clear: null,
    allowedLatenessMs: s.lateness,
    lateTag: 'late',
  };
}
const general = (options: WindowOperatorOptions): KeyedOperatorFactory => ({
  ...windowOperatorFactory(options),
  create: () => new WindowOperator(options),
});

const settings: fc.Arbitrary<Settings> = fc.record({
  gap: fc.constantFrom(1, 4, 8),
  dynamic: fc.boolean(),
  lateness: fc.constantFrom(0, 3, 15),
});
const steps: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(
      fc.record({
        k: fc.constantFrom('a', 'b', 'c'),
        forward: fc.constantFrom(0, 1, 2, 5, 20),
        back: fc.oneof(fc.constant(0), fc.nat(25)),
        v: fc.integer({ min: -5, max: 5 }),
        ahead: fc.option(fc.nat(4), { freq: 2 }),
      }),
      { minLength: 1, maxLength: 40 },
    ),
    fc.constantFrom(0, 3, 12, 40),
  )
  .map(([rows, delay]) => {
    let time = 100;
    let highest = -Infinity;
    return rows.map(({ k, forward, back, v, ahead }) => {
      const t = (time += forward) - back;
      highest = Math.max(highest, t);
      const watermark = highest - delay - 1;
      return { row: { k, t, v }, ahead: ahead === null ? null : watermark - ahead, watermark };
    });
  });
const given = fc.record({ s: settings, steps, subtasks: fc.integer({ min: 1, max: 8 }) });
type Given = typeof given extends fc.Arbitrary<infer G> ? G : never;
type Restart = 'never' | 'log' | 'fold';

async function restart(driver: WindowDriver, how: Restart): Promise<void> {
  if (how === 'fold') driver.fold();
  if (how !== 'never') await driver.start();
}

function taken(driver: WindowDriver, output = 'main'): readonly OutRow[] {
  const rows = driver.out.get(output) ?? [];
  driver.out.set(output, []);
  return rows;
}

async function likeTheModel({ s, steps: all, subtasks }: Given, how: Restart): Promise<void> {
  const oracle = new WindowOracle({
    assigner: { kind: 'session', gap: s.gap, dynamic: s.dynamic },
    trigger: { kind: 'default', n: 1, purging: false },
    evictor: null,
    lateness: s.lateness,
  });
  const driver = await new WindowDriver(windowOperatorFactory(optionsOf(s, LIST)), subtasks).start();
  const check = (watermark: number, row: Row | null): void => {
    if (row !== null) {
      oracle.add(row);
      driver.row(row.k, row, row.t);
    }
    oracle.setWatermark(watermark);
    driver.setWatermark(watermark);
    driver.commit();
    const got = taken(driver).map(({ value, timestamp }) => {
      const [k, start, end, list, fires] = value as [string, number, number, number[], number];
      return JSON.stringify([k, start, end, list.toSorted((a, b) => a - b), fires, timestamp]);
    });
    const expected = oracle.fired.map(({ k, start, end, values, ofKey }) =>
      JSON.stringify([k, start, end, values.toSorted((a, b) => a - b), ofKey, end - 1]),
    );
    oracle.fired = [];
    expect(got.sort()).toEqual(expected.sort());
    expect(driver.next('event')).toBe(oracle.next('event'));
  };
  for (const { row, watermark } of all) {
    check(watermark, row);
    await restart(driver, how);
  }
  check(MAX_WATERMARK, null);
  expect(taken(driver, 'late').map(({ value }) => value)).toEqual(oracle.late);
  expect(driver.counts.get('late') ?? 0).toBe(oracle.late.length);
}

async function likeTheGeneralOne({ s, steps: all, subtasks }: Given, how: Restart, sums: boolean): Promise<void> {
  const options = optionsOf(s, sums ? SUM : LIST);
  const slow = await new WindowDriver(general(options), subtasks).start();
  const fast = await new WindowDriver(windowOperatorFactory(options), subtasks).start();
  const check = (): void => {
    for (const output of ['main', 'late']) expect(taken(fast, output)).toEqual(taken(slow, output));
    expect(fast.next('event')).toBe(slow.next('event'));
    expect(fast.counts).toEqual(slow.counts);
  };
  const each = (act: (driver: WindowDriver) => void): void => [slow, fast].forEach(act);
  for (const { row, ahead, watermark } of all) {
    each((driver) => driver.row(row.k, row, row.t, ahead ?? undefined));
    check();
    each((driver) => {
      driver.setWatermark(watermark);
      driver.commit();
    });
    check();
    expect(fast.liveKeys).toBe(slow.liveKeys);
    await restart(slow, how);
    await restart(fast, how);
  }
  each((driver) => {
    driver.setWatermark(MAX_WATERMARK);
    driver.commit();
  });
  check();
  // What is left is global state.
  expect(fast.stateEntries).toBe(fast.liveKeys);
}

/** Null, or the smallest case that fails. */
async function answers(run: (g: Given) => Promise<void>, numRuns: number): Promise<string | null> {
  const found = await fc.check(fc.asyncProperty(given, run), { numRuns, interruptAfterTimeLimit: 10_000 });
  return found.failed ? (fc.defaultReportMessage(found) ?? 'failed') : null;
}

describe('plain sessions', () => {
  test.each<[Restart, number]>([
    ['never', 200],
    ['log', 60],
    ['fold', 60],
  ])('row by row what the naive model fires; restarted: %s', async (how, runs) => {
    expect(await answers((g) => likeTheModel(g, how), runs)).toBeNull();
  });

  test.each<[Restart, boolean, number]>([
    ['never', false, 200],
    ['never', true, 100],
    ['log', false, 50],
    ['fold', true, 50],
  ])('row by row what the general operator gives; restarted: %s; sums: %s', async (how, sums, runs) => {
    expect(await answers((g) => likeTheGeneralOne(g, how, sums), runs)).toBeNull();
  });
});

describe('the choice of the operator', () => {
  const options = optionsOf({ gap: 10, dynamic: false, lateness: 0 }, SUM);

  test('plain sessions have the fast one, anything more the general one', () => {
    class Own extends EventTimeSessionWindows {}
    const isFast = (changed: Partial<WindowOperatorOptions>): boolean =>
      windowOperatorFactory({ ...options, ...changed }).create() instanceof SessionWindowOperator;
    expect(isFast({})).toBe(true);
    expect(isFast({ assigner: new Own(5) })).toBe(false);
    expect(isFast({ aggregate: null })).toBe(false);
    expect(isFast({ clear: () => undefined })).toBe(false);
  });

  test('the state of the one is refused by the other', async () => {
    const [slow, fast] = [general(options), windowOperatorFactory(options)];
    const operators: KeyedOperator[] = [];
    for (const factory of [slow, fast]) {
      const operator = factory.create();
      await new WindowDriver({ ...factory, create: () => operator }, 1).start();
      operators.push(operator);
    }
    expect(() => operators[0]!.restore('a', 'session:test', null, [])).toThrow('another uid');
    expect(() => operators[1]!.restore('a', 'window-set', null, [])).toThrow(
      'operator "windows" has state "window-set" in the checkpoint, and is now a session window whose state is "session:test"',
    );
    expect(() => operators[1]!.restoreRemoved('a', 'session:other', null)).toThrow('another uid');
  });
});

describe('what is stored', () => {
  test('an entry per key that changed, and nothing of what is over', async () => {
    const options = optionsOf({ gap: 10, dynamic: false, lateness: 5 }, SUM);
    const driver = await new WindowDriver(
      windowOperatorFactory({ ...options, windowFunction: (_key, _ctx, [sum], out) => out.collect(sum) }),
      2,
    ).start();
    for (let t = 0; t < 100; t++) driver.row(t % 2 === 0 ? 'a' : 'b', { v: 1 }, t, t - 1);
    expect(driver.commit()).toBe(2);
    expect(driver.commit()).toBe(0);
    driver.row('a', { v: 1 }, 200);
    expect(driver.commit()).toBe(1);
    driver.setWatermark(108);
    expect(driver.commit()).toBe(0);
    // The first session of 'a' is over, and all of 'b'; each is written once.
    driver.setWatermark(130);
    expect(driver.commit()).toBe(2);
    expect(driver.stateEntries).toBe(1);
    driver.setWatermark(300);
    driver.commit();
    expect([driver.stateEntries, driver.liveKeys]).toEqual([0, 0]);
  });
});

describe('rows and user code', () => {
  const options = optionsOf({ gap: 10, dynamic: true, lateness: 0 }, LIST);

  /** A row view over the rows, as a declared schema has. */
  class View implements RowCursor {
    __i = 0;
    private readonly rows: readonly Row[];
    constructor(rows: readonly Row[]) {
      this.rows = rows;
    }
    get k(): string {
      return this.rows[this.__i]!.k;
    }
    get t(): number {
      return this.rows[this.__i]!.t;
    }
    get v(): number {
      return this.rows[this.__i]!.v;
    }
    __copy(): Row {
      return { ...this.rows[this.__i]! };
    }
  }

  function lazyBatch(rows: readonly Row[], watermarks: readonly number[]): ExchangeBatch {
    const batch = new ExchangeBatch(rows.length);
    batch.n = rows.length;
    batch.lazy = true;
    batch.source = { row: new View(rows) } as Partial<SourceBatch> as SourceBatch;
    rows.forEach((row, i) => {
      batch.index[i] = i;
      batch.ts[i] = row.t;
      batch.wm[i] = watermarks[i]!;
      batch.keyIds[i] = 0;
    });
    return batch;
  }

  test('of a reused row view, what is kept or goes to the side output is a copy', async () => {
    const reduce = {
      createAccumulator: () => null,
      add: (row: unknown, a: unknown): unknown => (a === null || (row as Row).v > (a as Row).v ? row : a),
      merge: (a: unknown, b: unknown): unknown => ((a as Row).v > (b as Row).v ? a : b),
      getResult: (a: unknown): unknown => a,
    };
    const factory = windowOperatorFactory({ ...options, aggregate: reduce });
    const operator = factory.create();
    const driver = await new WindowDriver({ ...factory, create: () => operator }, 1).start();
    driver.row('k', { k: 'k', t: 0, v: 1 }, 0);
    const rows = [
      { k: 'k', t: 1, v: 7 },
      { k: 'k', t: 2, v: 3 },
      { k: 'k', t: -50, v: 9 },
      { k: 'k', t: 100, v: 4 },
    ];
    operator.process(lazyBatch(rows, [-100, -30, -30, 50]), 0, 4, Infinity);
    driver.setWatermark(MAX_WATERMARK);
    // Gaps: 10 + |v % 4|.
    expect(driver.out.get('main')!.map(({ value }) => (value as unknown[]).slice(0, 4))).toEqual([
      ['k', 0, 15, rows[0]],
      ['k', 100, 110, rows[3]],
    ]);
    expect(driver.out.get('late')!.map(({ value }) => value)).toEqual([rows[2]]);
  });

  async function thrownBy(changed: Partial<WindowOperatorOptions>, rows: readonly number[]): Promise<[string, number]> {
    const factory = windowOperatorFactory({ ...options, ...changed });
    const operator = factory.create();
    const driver = await new WindowDriver({ ...factory, create: () => operator }, 1).start();
    let message = '';
    try {
      for (const t of rows) driver.row('k', { k: 'k', t, v: 1 }, t);
      driver.setWatermark(1000);
    } catch (error) {
      message = String(error);
    }
    return [message, operator.failedRow];
  }

  test('misuse is refused, at its row', async () => {
    const assigner = EventTimeSessionWindows.withDynamicGap(() => -1);
    expect(await thrownBy({ assigner }, [1])).toEqual([expect.stringContaining("a session's gap must be"), 0]);
    expect(await thrownBy({}, [-(2 ** 63)])).toEqual([expect.stringContaining('a row has no timestamp'), 0]);
    const aggregate = { ...LIST, add: () => undefined };
    expect(await thrownBy({ aggregate }, [1])).toEqual([
      expect.stringContaining('add(value, accumulator) returned'),
      0,
    ]);
    const merging = { ...LIST, merge: () => undefined };
    expect(await thrownBy({ aggregate: merging }, [1, 22, 11])).toEqual([
      expect.stringContaining('merge(a, b) returned undefined'),
      0,
    ]);
    const windowFunction: WindowOperatorOptions['windowFunction'] = (_key, context) =>
      void context.windowState().getState(FIRES);
    expect(await thrownBy({ windowFunction }, [1])).toEqual([
      expect.stringContaining('windowState() is not allowed'),
      -1,
    ]);
  });
});
