/** Which record is blamed for what user code throws, and what becomes of it. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { StreamExecutionEnvironment } from '../../api/environment.ts';
import { keyedProcess } from '../../api/functions.ts';
import type { DeadLetter } from '../../model/bad-record.ts';
import type { Collector } from '../../operators/collector.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { runInMemory, type InMemoryOptions, type JobScope } from '../run-in-memory.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';

interface Row {
  readonly k: string;
  readonly t: number;
  readonly v: number;
}
const row = (k: string, t: number, v = 1): Row => ({ k, t, v });

const fromRows = (env: StreamExecutionEnvironment, rows: readonly Row[], assigner = (r: Row) => r.t) =>
  env.fromSource(
    new CollectionSource(rows),
    WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner(assigner),
    'rows',
  );

/** Runs with a dead-letter output; answers with the letters as "operator position error". */
async function lettersOf(
  build: (scope: JobScope) => void,
  options: InMemoryOptions = {},
): Promise<{ letters: string[]; out: unknown[]; counts: Readonly<Record<string, number>> }> {
  const run = await runInMemory((scope) => {
    scope.env.deadLetters().sinkTo(scope.sink('letters'));
    build(scope);
  }, options);
  const letters = (run.values('letters') as DeadLetter[]).map((l) => `${l.operator} ${l.position} ${l.error}`);
  return { letters, out: run.values('out'), counts: run.counts };
}

let thrown = 0;
beforeEach(() => {
  thrown = 0;
});
const boom = (what: string): never => {
  thrown++;
  throw new Error(what);
};

describe('a record that makes user code throw', () => {
  test.each([1, 2, 100])('in a stateless operator, %i rows an epoch', async (rowsPerEpoch) => {
    const { letters, out, counts } = await lettersOf(
      ({ env, sink }) => {
        const rows = fromRows(env, [row('a', 1), row('a', 2, 13), row('b', 3)]);
        rows
          .map((r) => (r.v === 13 ? boom('thirteen') : r.k))
          .name('checked')
          .sinkTo(sink('out'));
      },
      { rowsPerEpoch },
    );
    expect(letters).toEqual(['checked 1 thirteen']);
    expect(out).toEqual(['a', 'b']);
    expect(counts['deadLettered']).toBe(1);
  });

  test('leaves nothing behind that other branches had already taken', async () => {
    const { letters, out } = await lettersOf(({ env, sink }) => {
      const rows = fromRows(env, [row('a', 1), row('a', 2, 13), row('b', 3)]);
      rows.sinkTo(sink('all'));
      rows.keyBy('k').sum('v').sinkTo(sink('out'));
      rows.map((r) => (r.v === 13 ? boom('thirteen') : r)).sinkTo(sink('checked'));
    });
    expect(letters).toHaveLength(1);
    expect(out).toEqual([row('a', 1, 1), row('b', 3, 1)]);
  });

  test('in the timestamp assigner, behind rows that went through other operators', async () => {
    const { letters } = await lettersOf(({ env, sink }) => {
      const rows = fromRows(env, [row('a', 1), row('a', 2, 13), row('b', 3)], (r) =>
        r.v === 13 ? boom('no time') : r.t,
      );
      rows
        .map((r) => r.k)
        .name('innocent')
        .sinkTo(sink('out'));
    });
    expect(letters).toEqual(['rows 1 no time']);
  });

  test('in the key selector', async () => {
    const { letters, out } = await lettersOf(({ env, sink }) => {
      const rows = fromRows(env, [row('a', 1), row('a', 2, 13), row('b', 3)]);
      rows
        .keyBy((r) => (r.v === 13 ? null : r.k))
        .sum('v')
        .name('sums')
        .sinkTo(sink('out'));
    });
    expect(letters).toEqual([expect.stringMatching(/^sums 1 the key is null/)]);
    expect(out).toHaveLength(2);
  });

  test.each([1, 3])('in processElement, a reducer or an accumulator, with %i subtasks', async (subtasks) => {
    const { letters, out, counts } = await lettersOf(
      ({ env, sink }) => {
        const rows = fromRows(env, [row('a', 1), row('b', 2, 13), row('a', 3), row('a', 40, 7), row('b', 50)]);
        const process = keyedProcess({
          state: {},
          processElement: (r: Row, _ctx, out: Collector<string>) => out.collect(r.v === 13 ? boom('p') : r.k),
        });
        rows.keyBy('k').process(process).name('process').sinkTo(sink('out'));
        const add = {
          createAccumulator: () => 0,
          add: (r: Row, n: number) => (r.v === 7 ? boom('w') : n + 1),
          getResult: (n: number) => n,
        };
        rows.keyBy('k').window(TumblingEventTimeWindows.of(10)).aggregate(add).name('window').sinkTo(sink('windows'));
        rows
          .keyBy('k')
          .reduce((a, b) => (b.t === 3 ? boom('r') : a))
          .name('reduce')
          .sinkTo(sink('reduced'));
      },
      { subtasks },
    );
    expect(letters.sort()).toEqual(['process 1 p', 'reduce 2 r', 'window 3 w']);
    // A record that is skipped is skipped everywhere.
    expect(new Set(out)).toEqual(new Set(['a', 'b']));
    expect(counts).toMatchObject({ deadLettered: 3, recordsIn: 5 });
  });
});

describe('no record is to blame, so the epoch fails, dead letters or not', () => {
  const rows = [row('a', 1), row('b', 2), row('a', 50), row('b', 60)];

  test('a throw in a timer', async () => {
    const process = keyedProcess({
      state: {},
      processElement: (r: Row, ctx, _out: Collector<Row>) => ctx.timerService().registerEventTimeTimer(r.t + 10),
      onTimer: () => boom('in a timer'),
    });
    const run = lettersOf(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      fromRows(env, rows).keyBy('k').process(process).name('timed').sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(/operator "timed", .*timer.*: in a timer/);
    expect(thrown).toBe(1);
  });

  test.each([0, 100])('a throw in a window that fires, with a lateness of %i ms', async (latenessMs) => {
    const run = lettersOf(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      const windows = fromRows(env, [...rows, row('a', 3)])
        .keyBy('k')
        .window(TumblingEventTimeWindows.of(10))
        .allowedLateness(latenessMs);
      let fired = 0;
      windows
        .process(() => (latenessMs > 0 && ++fired < 4 ? [] : boom('in a window')))
        .name('windowed')
        .sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(/operator "windowed", .*window.*: in a window/);
    expect(thrown).toBe(1);
  });

  test('a throw behind an aggregation, named as what it is', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => row('a', i));
    const run = lettersOf(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      const sums = fromRows(env, many).keyBy('k').sum('v').name('sums');
      sums
        .map((r) => (r.v === 700 ? boom('seven hundred') : r))
        .name('behind')
        .sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(
      /^job "job", operator "behind", key group \d+, timestamp 699, value .*: seven hundred$/,
    );
    expect(thrown).toBe(1);
  });
});

test('dead letters can be keyed and counted, those at the end of the input too', async () => {
  for (const rowsPerEpoch of [1, 3, 100]) {
    const run = await runInMemory(
      ({ env, sink }) => {
        fromRows(env, [row('a', 1), row('a', 2, 13), row('b', 3), row('b', 4, 13)])
          .map((r) => (r.v === 13 ? boom(r.k) : r))
          .sinkTo(sink('out'));
        env
          .deadLetters()
          .map((l) => ({ k: l.operator, v: 1 }))
          .keyBy('k')
          .sum('v')
          .sinkTo(sink('counts'));
      },
      { rowsPerEpoch },
    );
    expect(run.values('counts')).toEqual([
      { k: 'Map', v: 1 },
      { k: 'Map', v: 2 },
    ]);
  }
});
