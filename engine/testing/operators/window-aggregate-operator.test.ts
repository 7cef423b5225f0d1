/** Against the naive row-by-row model of Flink's WindowOperator: one row, then its watermark; every cut, packing and restart. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../model/watermark.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { keyHash } from '../../state/key-bytes.ts';
import { OutputTag } from '../../operators/output-tag.ts';

interface Row {
  readonly k: string;
  readonly t: number;
  readonly v: number;
}
interface Settings {
  readonly size: number;
  readonly offset: number;
  readonly lateness: number;
  readonly delay: number;
}
const LATE = new OutputTag<Row>('late');

interface Fired {
  readonly at: number;
  readonly text: string;
}
interface Answer {
  readonly fired: Fired[];
  readonly late: Row[];
  readonly refired: number;
  /** After each row: when the next window is due to fire or to go; null: there is none. */
  readonly due: (number | null)[];
}

/** Flink, in the plainest way. `at`: number of the row that caused it, n + 1 for the end. */
function naive(rows: readonly Row[], { size, offset, lateness, delay }: Settings): Answer {
  const windows = new Map<string, { k: string; start: number; sum: number; n: number }>();
  const answer: { fired: Fired[]; late: Row[]; refired: number; due: (number | null)[] } = {
    fired: [],
    late: [],
    refired: 0,
    due: [],
  };
  let watermark = MIN_WATERMARK;
  let highest = -Infinity;
  const fire = (at: number, w: { k: string; start: number; sum: number; n: number }): void => {
    answer.fired.push({ at, text: JSON.stringify([w.k, w.start, w.start + size, w.sum, w.n, w.start + size - 1]) });
  };
  const advance = (at: number, to: number): void => {
    if (to <= watermark) return;
    for (const [id, w] of windows) {
      const last = w.start + size - 1;
      if (last > watermark && last <= to) fire(at, w);
      if (last + lateness <= to) windows.delete(id);
    }
    watermark = to;
  };
  rows.forEach((row, i) => {
    const start = Math.floor((row.t - offset) / size) * size + offset;
    const last = start + size - 1;
    if (last + lateness <= watermark) answer.late.push(row);
    else {
      const id = `${row.k} ${start}`;
      const w = windows.get(id) ?? { k: row.k, start, sum: 0, n: 0 };
      windows.set(id, w);
      w.sum += row.v;
      w.n++;
      if (last <= watermark) {
        answer.refired++;
        fire(i + 1, w);
      }
    }
    highest = Math.max(highest, row.t);
    advance(i + 1, highest - delay - 1);
    const times = [...windows.values()].map(
      ({ start: from }) => from + size - 1 + (from + size - 1 > watermark ? 0 : lateness),
    );
    answer.due.push(times.length === 0 ? null : Math.min(...times));
  });
  advance(rows.length + 1, MAX_WATERMARK);
  return answer;
}

function runWindows(
  rows: readonly Row[],
  s: Settings,
  options: InMemoryOptions,
  withLateOutput = true,
): Promise<InMemoryRun> {
  return runInMemory(({ env, sink }) => {
    env.setMaxParallelism(4);
    const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(s.delay).withTimestampAssigner((row) => row.t);
    const sum = {
      createAccumulator: () => ({ sum: 0, n: 0 }),
      add: (row: Row, a: { sum: number; n: number }) => {
        a.sum += row.v;
        a.n++;
        return a;
      },
      getResult: (a: { sum: number; n: number }) => a,
    };
    const windows = env
      .fromSource(new CollectionSource(rows), strategy, 'rows')
      .keyBy('k')
      .window(TumblingEventTimeWindows.of(s.size, s.offset))
      .allowedLateness(s.lateness)
      .sideOutputLateData(LATE)
      .aggregate(sum, (k, ctx, [a]) => [[k, ctx.window.start, ctx.window.end, a!.sum, a!.n]]);
    windows.sinkTo(sink('fired'));
    if (withLateOutput) windows.getSideOutput(LATE).sinkTo(sink('late'));
  }, options);
}

const firedBy = (run: InMemoryRun): string[] =>
  run.rows('fired').map((row) => JSON.stringify([...(row.value as unknown[]), row.timestamp]));

const settings = fc.record({
  size: fc.constantFrom(1, 7, 10, 60),
  offset: fc.integer({ min: -9, max: 9 }),
  lateness: fc.constantFrom(0, 1, 5, 25),
  delay: fc.constantFrom(0, 3, 20),
});
const input = fc
  .array(
    fc.record({
      k: fc.constantFrom('a', 'b', 'c', 'd'),
      ahead: fc.nat(8),
      back: fc.nat(40),
      v: fc.integer({ min: -5, max: 5 }),
    }),
    { maxLength: 40 },
  )
  .chain((steps) =>
    fc.integer({ min: -200, max: 50 }).map((from) => {
      let time = from;
      return steps.map(({ k, ahead, back, v }): Row => ({ k, t: (time += ahead) - back, v }));
    }),
  );
const given = fc.tuple(input, settings).map(([rows, s]) => [rows, { ...s, offset: s.offset % s.size }] as const);

describe('tumbling windows', () => {
  test('one row an epoch: what the naive model fires, at the same row', async () => {
    await fc.assert(
      fc.asyncProperty(given, fc.constantFrom(1, 4), async ([rows, s], subtasks) => {
        const expected = naive(rows, s);
        const run = await runWindows(rows, s, { rowsPerEpoch: 1, subtasks });
        const got = run.rows('fired').map((row, i) => ({ at: row.epoch, text: firedBy(run)[i]! }));
        const order = (a: Fired, b: Fired): number => a.at - b.at || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0);
        expect(got.sort(order)).toEqual(expected.fired.toSorted(order));
        expect(run.values('late')).toEqual(expected.late);
        expect({ late: run.counts['late'] ?? 0, refired: run.counts['refired'] ?? 0 }).toEqual({
          late: expected.late.length,
          refired: expected.refired,
        });
      }),
      { numRuns: 60 },
    );
  });

  test('any cut of one split: the same rows; restarted after every epoch too', async () => {
    await fc.assert(
      fc.asyncProperty(
        given,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(1, 3),
        fc.boolean(),
        async ([rows, s], rowsPerEpoch, subtasks, restarts) => {
          const expected = naive(rows, s);
          const run = await runWindows(rows, s, { rowsPerEpoch, subtasks, ...(restarts ? { stopEvery: 1 } : {}) });
          expect(firedBy(run).sort()).toEqual(expected.fired.map(({ text }) => text).sort());
          expect(
            run
              .values('late')
              .map((row) => JSON.stringify(row))
              .sort(),
          ).toEqual(expected.late.map((row) => JSON.stringify(row)).sort());
          expect(run.counts['refired'] ?? 0).toBe(expected.refired);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('restarted after every single row: nothing is different, not even the order', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([rows, s]) => {
        const calm = await runWindows(rows, s, { rowsPerEpoch: 1 });
        const restarted = await runWindows(rows, s, { rowsPerEpoch: 1, stopEvery: 1 });
        for (const sink of ['fired', 'late']) expect(restarted.rows(sink)).toEqual(calm.rows(sink));
        expect(restarted.counts).toEqual(calm.counts);
        // A window whose time is over is gone, from memory and from what is stored.
        for (const run of [calm, restarted])
          expect(run.manifests.slice(0, rows.length).map((m) => m.nextTimers.eventTime)).toEqual(naive(rows, s).due);
      }),
      { numRuns: 40 },
    );
  });

  test('late rows that nobody wants are dropped and counted', async () => {
    const rows = [
      { k: 'a', t: 100, v: 1 },
      { k: 'a', t: 1, v: 1 },
      { k: 'b', t: 2, v: 1 },
    ];
    const run = await runWindows(rows, { size: 10, offset: 0, lateness: 0, delay: 0 }, { rowsPerEpoch: 1 }, false);
    expect(run.counts).toMatchObject({ lateDropped: 2 });
    expect(run.counts['late']).toBeUndefined();
  });

  test('the keys of a window fire in the order of their hashes, so that packing and restarts do not show', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    const run = await runInMemory(({ env, sink }) => {
      env.setMaxParallelism(1);
      env
        .fromSource(
          new CollectionSource(keys),
          WatermarkStrategy.forMonotonousTimestamps<string>().withTimestampAssigner(() => 5),
          'keys',
        )
        .keyBy((k) => k)
        .window(TumblingEventTimeWindows.of(10))
        .reduce((a) => a)
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toEqual(keys.toSorted((a, b) => (keyHash(a) | 0) - (keyHash(b) | 0)));
  });

  test('nothing of a window is left when it is over', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => ({ k: `k${i % 7}`, t: i * 10, v: 1 }));
    const run = await runWindows(rows, { size: 10, offset: 0, lateness: 15, delay: 0 }, { rowsPerEpoch: 1 });
    expect(run.manifests.at(-1)!.nextTimers).toEqual({ eventTime: null, processingTime: null });
    expect(run.manifests.at(-2)!.nextTimers.eventTime).not.toBeNull();
  });

  test('a window that fires again does not change what it emitted before', async () => {
    const run = await runInMemory(({ env, sink }) => {
      const rows = [
        [0, 1],
        [50, 2],
        [3, 4],
        [4, 8],
        [90, 16],
      ].map(([t, v]) => ({ k: 'a', t: t!, v: v! }));
      const list = {
        createAccumulator: (): number[] => [],
        add: (row: Row, all: number[]) => (all.push(row.v), all),
        getResult: (all: number[]) => all,
      };
      env
        .fromSource(
          new CollectionSource(rows),
          WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => row.t),
          'rows',
        )
        .keyBy('k')
        .window(TumblingEventTimeWindows.of(10))
        .allowedLateness(1000)
        .aggregate(list)
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toEqual([[1], [1, 4], [1, 4, 8], [2], [16]]);
  });

  test.each([
    [0, 'positive'],
    [-5, 'positive'],
    [1.5, 'positive'],
    [NaN, 'positive'],
  ])('refuses the size %d', (size, message) => {
    expect(() => TumblingEventTimeWindows.of(size)).toThrow(message);
  });
  test('refuses an offset that is no smaller than the size', () => {
    expect(() => TumblingEventTimeWindows.of(10, 10)).toThrow('offset must be smaller');
    expect(TumblingEventTimeWindows.of(10, -9)).toMatchObject({ offsetMs: -9 });
  });
});
