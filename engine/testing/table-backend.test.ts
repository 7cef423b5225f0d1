/** The state backend `table` with a whole job around it: working sets beyond memory, changes of backend, folds that die. */
import { describe, expect, test } from 'vitest';
import { keyedProcess, listState, mapState, valueState } from '../api/functions.ts';
import { MemoryStateTable } from '../embedded/memory-state-table.ts';
import { RetryableError } from '../model/errors.ts';
import type { StateBackendKind } from '../model/state-backend.ts';
import type { Collector } from '../operators/collector.ts';
import { CollectionSource } from '../operators/collection-source.ts';
import type { RecordWrite, TablePlace } from '../ports/state-table.ts';
import { InjectedCrash } from '../runtime/crash-point.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import type { JobScope } from './in-memory-job.ts';
import { EpochClock } from './job-sim/epoch-clock.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from './run-in-memory.ts';

interface Row {
  readonly k: number;
  readonly t: number;
}

/** Rows of keys in a random order that is the same each time. */
function rowsOf(count: number, keys: number): Row[] {
  let state = 1;
  return Array.from({ length: count }, (_, t) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return { k: (state >> 8) % keys, t };
  });
}

/** How often a key has come, now and then; and a few seconds later how often by then. */
const counter = keyedProcess({
  state: { count: valueState<number>({ defaultValue: 0 }) },
  processElement(row: Row, ctx, out: Collector<string>) {
    const { count } = ctx.state;
    const n = count.value() + 1;
    count.update(n);
    ctx.timerService().registerEventTimeTimer(row.t - (row.t % 50) + 200);
    if (n % 2 === 0) out.collect(`${row.k}: ${n}`);
  },
  onTimer(time, ctx, out) {
    out.collect(`${String(ctx.getCurrentKey())} at ${time}: ${ctx.state.count.value()}`);
  },
});

const counting =
  (rows: readonly Row[]) =>
  ({ env, sink }: JobScope): void => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner(({ t }) => t);
    env
      .fromSource(new CollectionSource(rows), strategy, 'rows')
      .keyBy(({ k }) => k)
      .process(counter)
      .uid('count')
      .sinkTo(sink('out'));
  };

const rowsIn = (run: InMemoryRun): string[] =>
  run
    .rows('out')
    .map(({ epoch, value }) => JSON.stringify([epoch, value]))
    .sort();

const onTable = (residentKeys: number): InMemoryOptions => ({
  settings: { stateBackend: 'table' },
  tableLimits: { residentKeys },
});

test('a working set far larger than what may be in memory, in any order, gives what the heap gives', async () => {
  const job = counting(rowsOf(60_000, 50_000));
  const cut = { rowsPerEpoch: 3000, fold: { due: 4, overdue: 8 } };
  const table = new MemoryStateTable();
  const paged = await runInMemory(job, { ...cut, ...onTable(1000), table });
  expect(rowsIn(paged)).toEqual(rowsIn(await runInMemory(job, cut)));
  // What an epoch does not touch is not read.
  expect(table.counts.keysRead).toBeLessThan(5 * 60_000);
  expect(table.counts.written).toBeGreaterThan(20_000);
}, 30_000);

describe('a fold', () => {
  const job = counting(rowsOf(400, 60));
  const cut = { rowsPerEpoch: 20, fold: { due: 1, overdue: 2 } };

  /** Dies, or fails, at chosen writes; before that, half of the writes have landed. */
  class DyingTable extends MemoryStateTable {
    calls = 0;
    readonly fails: (call: number) => Error | null;
    constructor(fails: (call: number) => Error | null) {
      super();
      this.fails = fails;
    }
    override async write(
      place: TablePlace,
      writes: readonly RecordWrite[],
    ): Promise<readonly ('written' | 'changed')[]> {
      const error = this.fails(++this.calls);
      if (error === null) return await super.write(place, writes);
      await super.write(place, writes.slice(0, writes.length / 2));
      throw error;
    }
  }

  test.each([2, 20])(
    'that dies at any write changes nothing, and epochs go on over what it left (overdue: %i)',
    async (overdue) => {
      const calm = rowsIn(await runInMemory(job, cut));
      const table = new DyingTable((call) => (call % 3 === 1 ? new InjectedCrash('fold-written') : null));
      const options = { ...cut, ...onTable(5), table, fold: { due: 1, overdue } };
      expect(rowsIn(await runInMemory(job, options))).toEqual(calm);
      expect(table.calls).toBeGreaterThan(20);
    },
  );

  test('that fails while the table is away is tried again', async () => {
    const calm = rowsIn(await runInMemory(job, cut));
    const table = new DyingTable((call) => (call % 150 === 1 ? new RetryableError('away') : null));
    expect(rowsIn(await runInMemory(job, { ...cut, ...onTable(5), table }))).toEqual(calm);
  });

  test('a record that somebody else has brought further is taken as it is', async () => {
    /** Every other write meets a record that a twin of the folder has just written. */
    class TwinTable extends MemoryStateTable {
      private calls = 0;
      override async write(
        place: TablePlace,
        writes: readonly RecordWrite[],
      ): Promise<readonly ('written' | 'changed')[]> {
        if (++this.calls % 2 === 0)
          await super.write(
            place,
            writes.filter((_, i) => i % 2 === 0),
          );
        return await super.write(place, writes);
      }
    }
    const calm = rowsIn(await runInMemory(job, cut));
    expect(rowsIn(await runInMemory(job, { ...cut, ...onTable(5), table: new TwinTable() }))).toEqual(calm);
  });
});

test('the backend may change from one start to the next, there and back', async () => {
  const job = counting(rowsOf(900, 80));
  const cut = { rowsPerEpoch: 30, fold: { due: 3, overdue: 5 } };
  const calm = rowsIn(await runInMemory(job, cut));
  for (const stopEvery of [1, 2, 5]) {
    const settings: { stateBackend: StateBackendKind } = { stateBackend: 'heap' };
    let epochs = 0;
    const table = new MemoryStateTable();
    const changing = await runInMemory(job, {
      ...cut,
      stopEvery,
      settings,
      table,
      tableLimits: { residentKeys: 10 },
      onEpoch: () => {
        if (++epochs % (stopEvery * 2) === 0)
          settings.stateBackend = settings.stateBackend === 'heap' ? 'table' : 'heap';
      },
    });
    expect(rowsIn(changing), `${stopEvery}`).toEqual(calm);
    // What an earlier time with the table has left is swept.
    const { base } = changing.manifests.at(-1)!.state;
    expect(await table.namespaces('job')).toEqual(base?.table === undefined ? [] : [base.table.namespace]);
    expect(changing.manifests.some(({ state }) => state.base?.table !== undefined)).toBe(true);
  }
});

describe('processing time', () => {
  /** A row sets a timer for the epoch after the next; a timer that fires tells what has come, and sets another, three times. */
  const ticking = keyedProcess({
    state: { seen: valueState<number>({ defaultValue: 0 }), ticks: valueState<number>({ defaultValue: 0 }) },
    processElement(row: Row, ctx, out: Collector<string>) {
      const { seen } = ctx.state;
      seen.update(seen.value() + 1);
      if (row.t % 3 > 0)
        ctx.timerService().registerProcessingTimeTimer(ctx.timerService().currentProcessingTime() + 1500);
      out.collect(`${row.k} row ${row.t}: ${seen.value()}, ${ctx.state.ticks.value()}`);
    },
    onTimer(_time, ctx, out) {
      const { ticks } = ctx.state;
      ticks.update(ticks.value() + 1);
      if (ticks.value() % 4 > 0)
        ctx.timerService().registerProcessingTimeTimer(ctx.timerService().currentProcessingTime() + 500);
      out.collect(`${String(ctx.getCurrentKey())} tick ${ticks.value()}: ${ctx.state.seen.value()}`);
    },
  });
  const job = ({ env, sink }: JobScope): void => {
    env
      .fromData(...rowsOf(600, 40))
      .keyBy(({ k }) => k)
      .process(ticking)
      .sinkTo(sink('out'));
  };
  const run = async (options: InMemoryOptions): Promise<string[]> => {
    const clock = new EpochClock(1000);
    const onEpoch = ({ epoch }: { readonly epoch: number }): void => void (clock.epochs = epoch);
    return rowsIn(await runInMemory(job, { rowsPerEpoch: 20, clock, onEpoch, ...options }));
  };

  test.each([
    [1, 0, undefined],
    [3, 2, { due: 2, overdue: 4 }],
    [1000, 5, { due: 0, overdue: 1 }],
  ])('timers and rows of a key in one epoch, %i keys at once, %i in memory', async (keysAtOnce, residentKeys, fold) => {
    const tableLimits = { residentKeys, keysAtOnce };
    const folding = fold === undefined ? {} : { fold };
    expect(await run({ settings: { stateBackend: 'table' }, tableLimits, ...folding })).toEqual(await run({}));
  });
});

test('a key with 5 MB of list, map and value state works', async () => {
  const large = keyedProcess({
    state: {
      list: listState<string>(),
      map: mapState<number, string>(),
      value: valueState<readonly string[]>({ defaultValue: [] }),
    },
    processElement({ t }: Row, ctx, out: Collector<number>) {
      const { list, map, value } = ctx.state;
      const text = `${t} `.repeat(8000);
      list.add(text);
      map.put(t, text);
      value.update([...value.value(), text]);
      out.collect(list.get().length + [...map.keys()].length + value.value().length);
    },
  });
  const job = ({ env, sink }: JobScope): void => {
    const rows = Array.from({ length: 60 }, (_, t) => ({ k: t % 2, t }));
    env
      .fromData(...rows)
      .keyBy(({ k }) => k)
      .process(large)
      .sinkTo(sink('out'));
  };
  const cut = { rowsPerEpoch: 7, fold: { due: 1, overdue: 2 } };
  const paged = rowsIn(await runInMemory(job, { ...cut, ...onTable(0) }));
  expect(paged).toEqual(rowsIn(await runInMemory(job, cut)));
});
