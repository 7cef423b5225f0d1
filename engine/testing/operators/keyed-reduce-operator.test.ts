/** Rolling reductions against a fold per key, whatever the cut, the packing and the restarts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataStream } from '../../api/data-stream.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import { runInMemory, type InMemoryOptions } from '../run-in-memory.ts';

interface Row {
  readonly k: string;
  readonly v: number;
  readonly id: number;
}
type Rolling = 'sum' | 'min' | 'max' | 'minBy' | 'maxBy' | 'lastMinBy' | 'lastMaxBy' | 'reduce';

/** Flink: sum, min and max keep the first row's other fields; minBy and maxBy the whole row, the first of equals (or the last). */
const NAIVE: Readonly<Record<Rolling, (a: Row, b: Row) => Row>> = {
  sum: (a, b) => ({ ...a, v: a.v + b.v }),
  min: (a, b) => ({ ...a, v: Math.min(a.v, b.v) }),
  max: (a, b) => ({ ...a, v: Math.max(a.v, b.v) }),
  minBy: (a, b) => (b.v < a.v ? b : a),
  maxBy: (a, b) => (b.v > a.v ? b : a),
  lastMinBy: (a, b) => (b.v <= a.v ? b : a),
  lastMaxBy: (a, b) => (b.v >= a.v ? b : a),
  reduce: (a, b) => ({ k: a.k, v: a.v * 2 + b.v, id: b.id }),
};

function naive(rolling: Rolling, rows: readonly Row[]): Row[] {
  const state = new Map<string, Row>();
  return rows.map((row) => {
    const before = state.get(row.k);
    const after = before === undefined ? row : NAIVE[rolling](before, row);
    state.set(row.k, after);
    return after;
  });
}

function reduced(keyed: KeyedStream<Row, string>, rolling: Rolling): DataStream<Row> {
  if (rolling === 'reduce') return keyed.reduce(NAIVE.reduce);
  if (rolling === 'lastMinBy') return keyed.minBy('v', false);
  if (rolling === 'lastMaxBy') return keyed.maxBy('v', false);
  return keyed[rolling]('v');
}

async function run(rolling: Rolling, rows: readonly Row[], options: InMemoryOptions): Promise<Row[]> {
  const result = await runInMemory(({ env, sink }) => {
    const keyed: KeyedStream<Row, string> = env.fromData(...rows).keyBy('k');
    reduced(keyed, rolling).sinkTo(sink('out'));
  }, options);
  return result.values('out') as Row[];
}

const ROLLING = Object.keys(NAIVE) as Rolling[];
const input = fc
  .array(fc.record({ k: fc.constantFrom('a', 'b', 'c'), v: fc.integer({ min: -9, max: 9 }) }), { maxLength: 40 })
  .map((rows) => rows.map((row, id): Row => ({ ...row, id })));

describe('rolling reductions', () => {
  test.each(ROLLING)('%s', async (rolling) => {
    const how = fc.record({ rowsPerEpoch: fc.integer({ min: 1, max: 20 }), stopEvery: fc.constantFrom(1, 2, 1000) });
    await fc.assert(
      fc.asyncProperty(input, how, async (rows, options) => {
        expect(await run(rolling, rows, options)).toEqual(naive(rolling, rows));
      }),
      { numRuns: 30 },
    );
  });

  test('with several subtasks the rows of each key come in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(input, fc.integer({ min: 2, max: 8 }), async (rows, subtasks) => {
        const got = await run('reduce', rows, { rowsPerEpoch: 7, subtasks });
        for (const k of ['a', 'b', 'c'])
          expect(got.filter((row) => row.k === k)).toEqual(naive('reduce', rows).filter((row) => row.k === k));
      }),
      { numRuns: 30 },
    );
  });

  test('more keys than fit the first tables, read back', async () => {
    const rows = Array.from({ length: 6000 }, (_, i): Row => ({ k: `key ${i % 3000}`, v: i, id: i }));
    expect(await run('sum', rows, { rowsPerEpoch: 1500, stopEvery: 1 })).toEqual(naive('sum', rows));
  });
});
