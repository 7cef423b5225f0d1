/** map, filter, flatMap, process and timestamps: each against a loop over the rows; flyweight rows never leak. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { runInMemory } from '../run-in-memory.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import type { Collector } from '../../operators/collector.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { OutputTag } from '../../operators/output-tag.ts';

interface Row {
  readonly id: number;
  readonly t: number;
  readonly v: number;
}
const A = new OutputTag<string>('a');
const B = new OutputTag<string>('b');
const input = fc
  .array(fc.record({ t: fc.integer({ min: -50, max: 50 }), v: fc.nat(20) }), { maxLength: 60 })
  .map((rows) => rows.map((row, id): Row => ({ ...row, id })));
const cut = fc.integer({ min: 1, max: 30 });

describe('process', () => {
  test("any number of rows on every output, with the row's time and the watermark before it", async () => {
    const emitted = (row: Row, watermark: number): { main: string[]; a: string[]; b: string[] } => ({
      main: Array.from({ length: row.v % 3 }, (_, i) => `${row.id} ${i} ${watermark}`),
      a: row.v > 12 ? [`a${row.id}`, `again ${row.t}`] : [],
      b: row.v % 5 === 0 ? [`b${row.id}`] : [],
    });
    await fc.assert(
      fc.asyncProperty(input, cut, async (rows, rowsPerEpoch) => {
        const run = await runInMemory(
          ({ env, sink }) => {
            const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(5).withTimestampAssigner((row) => row.t);
            const out = env
              .fromSource(new CollectionSource(rows), strategy, 'rows')
              .process((row: Row, ctx, collect: Collector<string>) => {
                const { main, a, b } = emitted(row, ctx.currentWatermark());
                expect(ctx.timestamp()).toBe(row.t);
                for (const text of a) ctx.output(A, text);
                for (const text of b) ctx.output(B, text);
                for (const text of b) ctx.output(new OutputTag<string>('nobody'), text);
                for (const text of main) collect.collect(text);
              });
            out.sinkTo(sink('main'));
            out.getSideOutput(A).sinkTo(sink('a'));
            out
              .getSideOutput(B)
              .map((text) => `${text}!`)
              .sinkTo(sink('b'));
            out
              .getSideOutput(A)
              .filter((text) => text.startsWith('a1'))
              .sinkTo(sink('a1'));
          },
          { rowsPerEpoch },
        );
        let highest = -Infinity;
        const expected = rows.map((row) => {
          const all = emitted(row, highest === -Infinity ? MIN_WATERMARK : highest - 6);
          highest = Math.max(highest, row.t);
          return all;
        });
        expect(run.values('main')).toEqual(expected.flatMap(({ main }) => main));
        expect(run.values('a')).toEqual(expected.flatMap(({ a }) => a));
        expect(run.values('b')).toEqual(expected.flatMap(({ b }) => b.map((text) => `${text}!`)));
        expect(run.values('a1')).toEqual(expected.flatMap(({ a }) => a.filter((text) => text.startsWith('a1'))));
        expect(run.counts['filtered'] ?? 0).toBeGreaterThanOrEqual(
          expected.filter(({ main, a, b }) => main.length + a.length + b.length === 0).length,
        );
      }),
      { numRuns: 40 },
    );
  });

  test('rows keep their timestamps on every output', async () => {
    const rows = [
      { id: 1, t: 5, v: 20 },
      { id: 2, t: 3, v: 20 },
    ];
    const run = await runInMemory(({ env, sink }) => {
      const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => row.t);
      const out = env
        .fromSource(new CollectionSource(rows), strategy, 'rows')
        .process((row: Row, ctx, collect: Collector<number>) => {
          ctx.output(A, 'side');
          collect.collect(row.id);
        });
      out.flatMap((n) => [n, n]).sinkTo(sink('main'));
      out.getSideOutput(A).sinkTo(sink('side'));
    });
    expect(run.rows('main').map((row) => row.timestamp)).toEqual([5, 5, 3, 3]);
    expect(run.rows('side').map((row) => row.timestamp)).toEqual([5, 3]);
  });
});

describe('map, filter and flatMap', () => {
  test('chains of them are loops, and branches do not disturb each other', async () => {
    await fc.assert(
      fc.asyncProperty(input, cut, async (rows, rowsPerEpoch) => {
        const run = await runInMemory(
          ({ env, sink }) => {
            const even = env.fromData(...rows).filter((row) => row.v % 2 === 0);
            even.map((row) => row.id).sinkTo(sink('ids'));
            even
              .flatMap(function* (row) {
                for (let i = 0; i < row.v % 4; i++) yield [row.id, i];
              })
              .flatMap((pair, out: Collector<number>) => {
                out.collect(pair[0]! * 10 + pair[1]!);
                if (pair[1] === 1) out.collect(-1);
              })
              .sinkTo(sink('pairs'));
            even
              .union(env.fromData(...rows))
              .filter((row) => row.v === 4)
              .sinkTo(sink('fours'));
          },
          { rowsPerEpoch },
        );
        const even = rows.filter((row) => row.v % 2 === 0);
        expect(run.values('ids')).toEqual(even.map((row) => row.id));
        const pairs = even.flatMap((row) =>
          Array.from({ length: row.v % 4 }, (_, i) => (i === 1 ? [row.id * 10 + i, -1] : [row.id * 10 + i])).flat(),
        );
        expect(run.values('pairs')).toEqual(pairs);
        const fours = rows.filter((row) => row.v === 4);
        expect((run.values('fours') as Row[]).map((row) => row.id).sort((a, b) => a - b)).toEqual(
          [...fours, ...fours].map((row) => row.id).sort((a, b) => a - b),
        );
      }),
      { numRuns: 40 },
    );
  });

  test('a flatMap that makes far more rows than a batch holds', async () => {
    const run = await runInMemory(({ env, sink }) => {
      const many = env.fromData(1, 2, 3).flatMap((n) => Array.from({ length: 5000 }, (_, i) => n * 10_000 + i));
      many.sinkTo(sink('all'));
      many
        .keyBy((n) => n % 7)
        .reduce((a, b) => a + b)
        .sinkTo(sink('sums'));
    });
    expect(run.values('all')).toEqual([1, 2, 3].flatMap((n) => Array.from({ length: 5000 }, (_, i) => n * 10_000 + i)));
    expect(run.values('sums')).toHaveLength(15_000);
  });
});

describe('timestamps and watermarks', () => {
  test('the watermark before a row is the highest timestamp so far, less the delay and 1 ms, through every cut and restart', async () => {
    await fc.assert(
      fc.asyncProperty(
        input,
        cut,
        fc.constantFrom(0, 7),
        fc.boolean(),
        async (rows, rowsPerEpoch, delayMs, atSource) => {
          const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(delayMs).withTimestampAssigner(
            (row) => row.t,
          );
          const run = await runInMemory(
            ({ env, sink }) => {
              const source = env.fromSource(
                new CollectionSource(rows),
                atSource ? strategy : WatermarkStrategy.noWatermarks<Row>(),
                'rows',
              );
              const stamped = atSource
                ? source
                : source.filter((row) => row.v !== 3).assignTimestampsAndWatermarks(strategy);
              stamped
                .filter((row) => row.v !== 5)
                .process((row: Row, ctx, out: Collector<unknown>) =>
                  out.collect([row.id, ctx.timestamp(), ctx.currentWatermark()]),
                )
                .sinkTo(sink('out'));
            },
            { rowsPerEpoch, stopEvery: 2 },
          );
          let highest = -Infinity;
          const expected: unknown[] = [];
          for (const row of rows) {
            if (!atSource && row.v === 3) continue;
            const watermark = highest === -Infinity ? MIN_WATERMARK : highest - delayMs - 1;
            highest = Math.max(highest, row.t);
            if (row.v !== 5) expected.push([row.id, row.t, watermark]);
          }
          expect(run.values('out')).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([
    ['text', '2024-01-01'],
    ['nothing', undefined],
    ['not a number', NaN],
    ['a Date', new Date(0)],
  ])('an assigner that returns %s is refused', async (_, returned) => {
    const run = runInMemory(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      const strategy = WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner(
        () => returned as number,
      );
      env.fromSource(new CollectionSource([1]), strategy, 'rows').sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(/the timestamp assigner returned/);
  });
});
