/** Against a naive model: state in plain maps, timers in a set, one watermark for all; every restart. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyedProcess, mapState, valueState } from '../../api/functions.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../model/watermark.ts';
import { keyHash } from '../../state/key-bytes.ts';
import { InstantClock } from '../instant-clock.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { RowScript } from '../scripted-source.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import type { Collector } from '../../operators/collector.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { OutputTag } from '../../operators/output-tag.ts';

type Action =
  | { readonly do: 'register' | 'delete'; readonly in: number }
  /** Relative to the watermark, if there is one. */
  | { readonly do: 'past' | 'emit' | 'side'; readonly in: number };
interface Row {
  readonly k: string;
  readonly t: number;
  readonly actions: readonly Action[];
}
const SIDE = new OutputTag<string>('side');
const GROUPS = 3;
const DELAY = 4;

/** What the function under test does, written once for both: over anything that has state, timers and outputs. */
interface Host {
  readonly key: string;
  readonly watermark: number;
  seen(): number;
  setSeen(n: number): void;
  register(time: number): void;
  delete(time: number): void;
  main(text: string): void;
  side(text: string): void;
}
function onRow(host: Host, row: Row): void {
  host.setSeen(host.seen() + 1);
  for (const action of row.actions) {
    if (action.do === 'register') host.register(row.t + action.in);
    else if (action.do === 'delete') host.delete(row.t + action.in);
    else if (action.do === 'past') {
      if (host.watermark > MIN_WATERMARK) host.register(host.watermark - action.in);
    } else host[action.do === 'emit' ? 'main' : 'side'](`${host.key} row ${row.t} ${host.seen()} ${host.watermark}`);
  }
}
function onTimer(host: Host, time: number): void {
  host.main(`${host.key} timer ${time} ${host.seen()} ${host.watermark}`);
  if (time % 3 === 0) host.register(time + 4);
  if (time % 5 === 0) host.delete(time + 2);
  if (time % 7 === 0) host.register(time - 1);
  if (time % 4 === 0) host.setSeen(0);
  if (time % 6 === 0) host.side(`${host.key} side ${time}`);
}

interface Out {
  readonly at: number;
  readonly text: string;
  readonly timestamp: number;
}

function naive(rows: readonly Row[]): { main: Out[]; side: Out[] } {
  const seen = new Map<string, number>();
  let timers: { k: string; time: number }[] = [];
  let watermark = MIN_WATERMARK;
  const out = { main: [] as Out[], side: [] as Out[] };
  const host = (key: string, at: number, timestamp: number): Host => ({
    key,
    watermark,
    seen: () => seen.get(key) ?? 0,
    setSeen: (n) => void (n === 0 ? seen.delete(key) : seen.set(key, n)),
    register: (time) => {
      if (!timers.some((t) => t.k === key && t.time === time)) timers.push({ k: key, time });
    },
    delete: (time) => {
      timers = timers.filter((t) => t.k !== key || t.time !== time);
    },
    main: (text) => out.main.push({ at, text, timestamp }),
    side: (text) => out.side.push({ at, text, timestamp }),
  });
  const advance = (at: number, to: number): void => {
    if (to <= watermark) return;
    watermark = to;
    // Group by group, as a key group is a subtask of its own.
    for (let group = 0; group < GROUPS; group++) {
      for (;;) {
        const due = timers.filter((t) => t.time <= to && keyHash(t.k) % GROUPS === group);
        due.sort((a, b) => a.time - b.time || (keyHash(a.k) | 0) - (keyHash(b.k) | 0));
        const [next] = due;
        if (next === undefined) break;
        timers = timers.filter((t) => t !== next);
        onTimer(host(next.k, at, next.time), next.time);
      }
    }
  };
  let highest = -Infinity;
  rows.forEach((row, i) => {
    onRow(host(row.k, i + 1, row.t), row);
    highest = Math.max(highest, row.t);
    advance(i + 1, highest - DELAY - 1);
  });
  advance(rows.length + 1, MAX_WATERMARK);
  return out;
}

function runRows(rows: readonly Row[], options: InMemoryOptions): Promise<InMemoryRun> {
  return runInMemory(({ env, sink }) => {
    env.setMaxParallelism(GROUPS);
    const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(DELAY).withTimestampAssigner((row) => row.t);
    const out = env
      .fromSource(new CollectionSource(rows), strategy, 'rows')
      .keyBy('k')
      .process(
        keyedProcess({
          state: { seen: valueState<number>() },
          processElement(row: Row, ctx, collect: Collector<string>) {
            onRow(hostOf(ctx, collect), row);
          },
          onTimer(time, ctx, collect: Collector<string>) {
            expect(ctx.timestamp()).toBe(time);
            expect(ctx.timeDomain).toBe('event-time');
            onTimer(hostOf(ctx, collect), time);
          },
        }),
      );
    out.sinkTo(sink('main'));
    out.getSideOutput(SIDE).sinkTo(sink('side'));
  }, options);
}

type Ctx = Parameters<
  Parameters<
    typeof keyedProcess<string, Row, string, { seen: ReturnType<typeof valueState<number>> }>
  >[0]['processElement']
>[1];
const hostOf = (ctx: Ctx, collect: Collector<string>): Host => ({
  key: ctx.getCurrentKey(),
  watermark: ctx.currentWatermark(),
  seen: () => ctx.state.seen.value() ?? 0,
  setSeen: (n) => (n === 0 ? ctx.state.seen.clear() : ctx.state.seen.update(n)),
  register: (time) => {
    ctx.timerService().registerEventTimeTimer(time);
    ctx.timerService().registerEventTimeTimer(time);
  },
  delete: (time) => ctx.timerService().deleteEventTimeTimer(time),
  main: (text) => collect.collect(text),
  side: (text) => ctx.output(SIDE, text),
});

const outOf = (run: InMemoryRun, sink: string): Out[] =>
  run.rows(sink).map(({ epoch, value, timestamp }) => ({ at: epoch, text: value as string, timestamp }));

/** The rows of one key group in their order; between groups in several slots there is none. */
const byGroup = (rows: readonly Out[]): Out[][] =>
  [0, 1, 2].map((group) => rows.filter((row) => keyHash(row.text[0]) % GROUPS === group));

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    do: fc.constantFrom('register' as const, 'register' as const, 'delete' as const),
    in: fc.integer({ min: -12, max: 15 }),
  }),
  fc.record({ do: fc.constantFrom('past' as const, 'emit' as const, 'side' as const), in: fc.nat(4) }),
);
const input = fc
  .array(
    fc.record({
      k: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      ahead: fc.nat(6),
      back: fc.nat(10),
      actions: fc.array(action, { maxLength: 3 }),
    }),
    { maxLength: 30 },
  )
  .map((steps) => {
    let time = -10;
    return steps.map(({ k, ahead, back, actions }): Row => ({ k, t: (time += ahead) - back, actions }));
  });

describe('KeyedProcessFunction', () => {
  test('one row an epoch: what the naive model emits, at the same row, timers of a key group in order of (time, key)', async () => {
    await fc.assert(
      fc.asyncProperty(input, fc.constantFrom(1, 2, 3), async (rows, subtasks) => {
        const expected = naive(rows);
        const run = await runRows(rows, { rowsPerEpoch: 1, subtasks });
        expect(byGroup(outOf(run, 'main'))).toEqual(byGroup(expected.main));
        expect(byGroup(outOf(run, 'side'))).toEqual(byGroup(expected.side));
      }),
      { numRuns: 120 },
    );
  });

  test('restarted after every row, it does the same', async () => {
    await fc.assert(
      fc.asyncProperty(input, async (rows) => {
        const expected = naive(rows);
        const run = await runRows(rows, { rowsPerEpoch: 1, stopEvery: 1 });
        expect(outOf(run, 'main')).toEqual(expected.main);
        expect(outOf(run, 'side')).toEqual(expected.side);
      }),
      { numRuns: 40 },
    );
  });

  test('a timer registered in onTimer for a time that has passed fires in the same advance; a deleted one does not', async () => {
    const rows: Row[] = [
      {
        k: 'a',
        t: 0,
        actions: [
          { do: 'register', in: 3 },
          { do: 'register', in: 8 },
        ],
      },
      { k: 'a', t: 100, actions: [] },
    ];
    const run = await runRows(rows, { rowsPerEpoch: 1 });
    // 3 registers 7, and 7 registers 6 behind itself, which registers 10.
    expect(run.rows('main').map((row) => [row.epoch, row.timestamp])).toEqual([
      [2, 3],
      [2, 7],
      [2, 6],
      [2, 8],
      [2, 10],
    ]);
  });

  test('a fraction of a millisecond is cut off alike when a timer is registered and deleted', async () => {
    const run = await runInMemory(({ env, sink }) => {
      env
        .fromData('a')
        .keyBy((k) => k)
        .process(
          keyedProcess({
            state: {},
            processElement(_row: string, ctx, _out: Collector<number>) {
              for (const time of [1.5, 2.5, 4]) ctx.timerService().registerEventTimeTimer(time);
              ctx.timerService().deleteEventTimeTimer(2.5);
            },
            onTimer: (time, _ctx, out: Collector<number>) => out.collect(time),
          }),
        )
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toEqual([1, 4]);
  });

  test('processing-time timers fire at the first epoch whose clock has reached them, and are dropped at the end', async () => {
    const clock = new InstantClock(1000);
    const script = new RowScript({ rows: ['a', 'b', 'c'] }, ['rows', 'rows', 'rows']);
    const run = await runInMemory(
      ({ env, sink }) => {
        env
          .fromSource(script.source<string>('rows'), WatermarkStrategy.noWatermarks(), 'rows')
          .keyBy((k) => k)
          .process(
            keyedProcess({
              state: { seen: mapState<string, number>() },
              processElement(row: string, ctx, out: Collector<string>) {
                ctx.timerService().registerProcessingTimeTimer(ctx.currentProcessingTime() + 10_000);
                out.collect(`${row} at ${ctx.currentProcessingTime() >= 1000}`);
              },
              onTimer(time, ctx, out: Collector<string>) {
                expect(ctx.currentProcessingTime()).toBeGreaterThanOrEqual(time);
                out.collect(`${ctx.getCurrentKey()} ${ctx.timeDomain} in epoch`);
              },
            }),
          )
          .sinkTo(sink('out'));
      },
      {
        rowsPerEpoch: 1,
        clock,
        onEpoch: (manifest) => {
          script.epochCommitted(manifest);
          clock.advance(10_000);
        },
      },
    );
    expect(run.rows('out').map((row) => `${row.epoch} ${String(row.value)}`)).toEqual([
      '1 a at true',
      '2 a processing-time in epoch',
      '2 b at true',
      '3 b processing-time in epoch',
      '3 c at true',
      '4 c processing-time in epoch',
    ]);
  });
});
