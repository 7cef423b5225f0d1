/** Watermark generators of the user's own, and where timestamps come from, through every cut, restart and fan-out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { Collector } from '../../operators/collector.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { IngestionTimeAssigner } from '../../time/ingestion-time.ts';
import {
  BoundedOutOfOrdernessWatermarks,
  type WatermarkGenerator,
  type WatermarkOutput,
} from '../../time/watermark-generator.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { SplitSource } from '../split-source.ts';

interface Row {
  readonly id: number;
  readonly t: number;
  readonly mark: boolean;
}
const rowsOf = fc
  .array(fc.record({ t: fc.integer({ min: -50, max: 50 }), mark: fc.boolean() }), { maxLength: 40 })
  .map((rows) => rows.map((row, id): Row => ({ ...row, id })));
const cut = fc.integer({ min: 1, max: 9 });

/** As in Flink's AssignerWithPunctuatedWatermarks: some records carry a watermark. */
class Punctuated implements WatermarkGenerator<Row> {
  onEvent(row: Row, timestamp: number, output: WatermarkOutput): void {
    if (row.mark) output.emitWatermark(timestamp);
  }
}

/** Emits the mean of the last three timestamps: has state. */
class Mean implements WatermarkGenerator<Row> {
  private last: number[] = [];
  onEvent(_row: Row, timestamp: number): void {
    this.last = [...this.last, timestamp].slice(-3);
  }
  onPeriodicEmit(output: WatermarkOutput): void {
    output.emitWatermark(this.last.reduce((a, b) => a + b, 0) / this.last.length);
  }
  snapshotState(): unknown {
    return this.last;
  }
  restoreState(state: number[]): void {
    this.last = state;
  }
}

async function watermarksBefore(
  strategy: WatermarkStrategy<Row>,
  rows: readonly Row[],
  options: InMemoryOptions,
  atSource = true,
): Promise<unknown[]> {
  const run = await runInMemory(({ env, sink }) => {
    const first = atSource ? strategy : WatermarkStrategy.noWatermarks<Row>();
    const source = env.fromSource(new CollectionSource(rows), first, 'rows');
    (atSource ? source : source.assignTimestampsAndWatermarks(strategy))
      .process((row: Row, ctx, out: Collector<unknown>) => out.collect([row.id, ctx.currentWatermark()]))
      .sinkTo(sink('out'));
  }, options);
  return run.values('out');
}

const stamped = (strategy: WatermarkStrategy<Row>): WatermarkStrategy<Row> =>
  strategy.withTimestampAssigner((row) => row.t);

describe('a generator of the user’s own', () => {
  test('a punctuated one: the highest marked timestamp before the row', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, cut, fc.boolean(), async (rows, rowsPerEpoch, atSource) => {
        const strategy = stamped(WatermarkStrategy.forGenerator<Row>(() => new Punctuated()));
        let highest = MIN_WATERMARK;
        const expected = rows.map((row) => {
          const before = highest;
          if (row.mark) highest = Math.max(highest, row.t);
          return [row.id, before];
        });
        expect(await watermarksBefore(strategy, rows, { rowsPerEpoch, stopEvery: 2 }, atSource)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  test('its state goes on after every stop and crash', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, cut, fc.array(fc.nat(60), { maxLength: 3 }), async (rows, rowsPerEpoch, crashAfter) => {
        let highest = MIN_WATERMARK;
        const last: number[] = [];
        const expected = rows.map((row) => {
          const before = highest;
          last.push(row.t);
          const recent = last.slice(-3);
          highest = Math.max(highest, Math.floor(recent.reduce((a, b) => a + b, 0) / recent.length));
          return [row.id, before];
        });
        const strategy = stamped(WatermarkStrategy.forGenerator<Row>(() => new Mean()));
        const options = { rowsPerEpoch, stopEvery: 1, crashAfter: crashAfter.map((n) => n + 1) };
        expect(await watermarksBefore(strategy, rows, options)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  test('one without snapshotState begins anew, and its watermark does not fall', async () => {
    const rows = [10, 90, 20, 30].map((t, id) => ({ id, t, mark: true }));
    const forgetful = (): WatermarkGenerator<Row> => {
      let n = 0;
      return { onEvent: (_row, timestamp, output) => output.emitWatermark(timestamp - n++) };
    };
    const strategy = stamped(WatermarkStrategy.forGenerator(forgetful));
    const whole = await watermarksBefore(strategy, rows, {});
    expect(whole).toEqual([
      [0, MIN_WATERMARK],
      [1, 10],
      [2, 89],
      [3, 89],
    ]);
    const cutAndStopped = await watermarksBefore(strategy, rows, { rowsPerEpoch: 1, stopEvery: 1 });
    expect(cutAndStopped.map((pair) => (pair as number[])[1])).toEqual([MIN_WATERMARK, 10, 90, 90]);
  });

  test('the built-in strategies are what their generators say', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, fc.constantFrom(0, 7), async (rows, delay) => {
        const custom = WatermarkStrategy.forGenerator<Row>(() => new BoundedOutOfOrdernessWatermarks(delay));
        const builtIn = WatermarkStrategy.forBoundedOutOfOrderness<Row>(delay);
        const options = { rowsPerEpoch: 3, stopEvery: 1 };
        expect(await watermarksBefore(stamped(custom), rows, options)).toEqual(
          await watermarksBefore(stamped(builtIn), rows, options),
        );
      }),
      { numRuns: 20 },
    );
  });

  test('one instance per split; E7: packing and fan-out change nothing', async () => {
    const splits = [0, 1, 2].map((s) =>
      Array.from({ length: 30 }, (_, i): Row => ({ id: s * 100 + i, t: i * (s + 1), mark: i % 3 === s })),
    );
    const made: string[] = [];
    const job = (options: InMemoryOptions): Promise<InMemoryRun> =>
      runInMemory(({ env, sink }) => {
        const strategy = stamped(
          WatermarkStrategy.forGenerator<Row>(({ splitId }) => {
            made.push(splitId);
            return new Punctuated();
          }),
        );
        env
          .fromSource<Row>(new SplitSource(splits), strategy, 'rows')
          .keyBy((row) => row.id % 5)
          .window(TumblingEventTimeWindows.of(10))
          .process((key, { window }, rows) => [[key, window.start, rows.map((row) => row.id)]])
          .sinkTo(sink('out'));
      }, options);
    const fused = await job({ rowsPerEpoch: 20 });
    expect([...new Set(made)].map((id) => id.slice(-3)).sort()).toEqual(['000', '001', '002']);
    const sorted = (run: InMemoryRun): string[] =>
      run
        .rows('out')
        .map(({ epoch, value, timestamp }) => JSON.stringify([epoch, value, timestamp]))
        .sort();
    expect(sorted(await job({ rowsPerEpoch: 20, subtasks: 3 }))).toEqual(sorted(fused));
    expect(sorted(await job({ workers: 2, cutLike: fused }))).toEqual(sorted(fused));
  });

  test('a record that makes a later operator throw has not touched it', async () => {
    const rows = [5, 1000, 6].map((t, id) => ({ id, t, mark: true }));
    const run = await runInMemory(({ env, sink }) => {
      env.deadLetters().sinkTo(sink('dead'));
      const strategy = stamped(WatermarkStrategy.forGenerator<Row>(() => new Punctuated()));
      env
        .fromSource(new CollectionSource(rows), strategy, 'rows')
        .map((row) => {
          if (row.t === 1000) throw new Error('not in this century');
          return row;
        })
        .process((row: Row, ctx, out: Collector<unknown>) => out.collect([row.id, ctx.currentWatermark()]))
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toEqual([
      [0, MIN_WATERMARK],
      [2, 5],
    ]);
    expect(run.values('dead')).toMatchObject([{ operator: 'Map', error: 'not in this century' }]);
  });

  test('a throw in it is the source’s, with the record', async () => {
    const run = runInMemory(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      const broken = (): WatermarkGenerator<number> => ({
        onEvent: (n) => {
          if (n === 2) throw new Error('no');
        },
      });
      env
        .fromSource(new CollectionSource([1, 2]), WatermarkStrategy.forGenerator(broken), 'numbers')
        .map((n) => n)
        .sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(/operator "numbers", split .*, position 1: no/);
  });

  test('markIdle: the split holds nobody back until it emits again', async () => {
    const quiet = (): WatermarkGenerator<Row> => ({
      onEvent: (row, timestamp, output) => (row.mark ? output.markIdle() : output.emitWatermark(timestamp)),
    });
    const splits = [
      [{ id: 1, t: 3, mark: false }],
      [
        { id: 2, t: 1, mark: false },
        { id: 3, t: 1, mark: true },
        { id: 4, t: 2, mark: false },
      ],
    ];
    const seen = async (mark: boolean): Promise<unknown> => {
      const run = await runInMemory(
        ({ env, sink }) => {
          const rows = splits.map((split) => split.map((row) => ({ ...row, mark: row.mark && mark })));
          env
            .fromSource<Row>(new SplitSource(rows), stamped(WatermarkStrategy.forGenerator(quiet)), 'rows')
            .keyBy(() => 1)
            .reduce((a) => a)
            .sinkTo(sink('out'));
        },
        { rowsPerEpoch: 1 },
      );
      return run.manifests.map((manifest) => Object.values(manifest.watermarks)[0]);
    };
    // Epochs: row 1 (3); row 2 (1); row 3 (idle, or 1); row 4 (2).
    expect((await seen(false)) as number[]).toContain(1);
    expect(((await seen(true)) as number[]).slice(0, 3)).toEqual([MIN_WATERMARK, 1, 3]);
  });
});

describe('timestamps', () => {
  test('a downstream assigner replaces the source’s timestamps and watermarks', async () => {
    const rows = [
      { id: 0, t: 100, mark: false },
      { id: 1, t: 200, mark: false },
    ];
    const run = await runInMemory(({ env, sink }) => {
      env
        .fromSource(new CollectionSource(rows), stamped(WatermarkStrategy.forMonotonousTimestamps<Row>()), 'rows')
        .assignTimestampsAndWatermarks(
          WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((_row, before) => before / 10),
        )
        .process((row: Row, ctx, out: Collector<unknown>) =>
          out.collect([row.id, ctx.timestamp(), ctx.currentWatermark()]),
        )
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toEqual([
      [0, 10, MIN_WATERMARK],
      [1, 20, 9],
    ]);
  });

  test('ingestion time is the epoch’s clock', async () => {
    const run = await runInMemory(
      ({ env, sink }) => {
        const strategy = WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner(
          new IngestionTimeAssigner(),
        );
        env.fromSource(new CollectionSource([1, 2, 3]), strategy, 'rows').sinkTo(sink('out'));
      },
      { rowsPerEpoch: 2, stopEvery: 1 },
    );
    const clocks = run.manifests.map((manifest) => manifest.clock);
    expect(run.rows('out').map((row) => row.timestamp)).toEqual([clocks[0], clocks[0], clocks[1]]);
  });
});
