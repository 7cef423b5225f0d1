/** Against Flink's algorithm over plain lists, row by row; against the definition, however the input is cut. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IntervalJoined } from '../../api/interval-join.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { Collector } from '../../operators/collector.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import { IntervalJoinFactory } from '../../operators/interval-join-operator.ts';
import type { KeyedOperator } from '../../operators/keyed-operator.ts';
import { OutputBuffer } from '../../operators/output-buffer.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { KeyIndex } from '../../state/key-index.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { ProcessJoinFunction } from '../../api/join-functions.ts';
import type { ProcessJoinContext } from '../../operators/interval-join-operator.ts';
import type { JobScope } from '../run-in-memory.ts';
import {
  byEpoch,
  cuts,
  expectedByEpoch,
  multiset,
  runCut,
  runRowByRow,
  twoStreams,
  watermarksAfter,
  type Expected,
  type TwoRow,
} from './two-streams-fixture.ts';

interface Bounds {
  readonly lower: number;
  readonly upper: number;
  readonly exclusive: readonly [lower: boolean, upper: boolean];
}

const bounds: fc.Arbitrary<Bounds> = fc
  .record({
    lower: fc.integer({ min: -12, max: 8 }),
    width: fc.nat(12),
    exclusive: fc.tuple(fc.boolean(), fc.boolean()),
  })
  .map(({ lower, width, exclusive }) => ({ lower, upper: lower + width, exclusive }));

const LEFT_LATE = new OutputTag<TwoRow>('left late');
const RIGHT_LATE = new OutputTag<TwoRow>('right late');
const EVEN = new OutputTag<string>('even');

function pairText(left: TwoRow, right: TwoRow, ctx: ProcessJoinContext): string {
  expect(ctx.getTimestamp()).toBe(Math.max(left.t, right.t));
  return `${left.id}+${right.id} ${ctx.getLeftTimestamp()} ${ctx.getRightTimestamp()}`;
}

class Pairs extends ProcessJoinFunction<TwoRow, TwoRow, string> {
  processElement(left: TwoRow, right: TwoRow, ctx: ProcessJoinContext, out: Collector<string>): void {
    out.collect(pairText(left, right, ctx));
    if ((left.v + right.v) % 2 === 0) ctx.output(EVEN, `${left.id}+${right.id}`);
  }
}

const joined =
  ({ lower, upper, exclusive }: Bounds, lateOutputs: boolean) =>
  (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
    let join: IntervalJoined<TwoRow, TwoRow, string> = a
      .keyBy('k')
      .intervalJoin(b.keyBy((row) => row.k))
      .between(lower, upper);
    if (exclusive[0]) join = join.lowerBoundExclusive();
    if (exclusive[1]) join = join.upperBoundExclusive();
    if (lateOutputs) join = join.sideOutputLeftLateData(LEFT_LATE).sideOutputRightLateData(RIGHT_LATE);
    const out = join.process(new Pairs());
    out.sinkTo(sink('main'));
    out.getSideOutput(EVEN).sinkTo(sink('even'));
    if (!lateOutputs) return;
    const late = out.getSideOutput(LEFT_LATE).union(out.getSideOutput(RIGHT_LATE));
    late.map((row) => row.id).sinkTo(sink('late'));
  };

const inside = (left: TwoRow, right: TwoRow, { lower, upper, exclusive }: Bounds): boolean => {
  const between = right.t - left.t;
  return (exclusive[0] ? between > lower : between >= lower) && (exclusive[1] ? between < upper : between <= upper);
};

/** IntervalJoinOperator as Flink has it, over lists. `onEpoch` sees what is buffered at the end of each. */
function naive(
  rows: readonly TwoRow[],
  given: Bounds,
  onEpoch?: (row: TwoRow, watermark: number, kept: readonly TwoRow[]) => void,
): { main: Expected[]; even: Expected[]; late: Expected[] } {
  const lower = given.lower + (given.exclusive[0] ? 1 : 0);
  const upper = given.upper - (given.exclusive[1] ? 1 : 0);
  const buffers = { a: [] as TwoRow[], b: [] as TwoRow[] };
  const found = { main: [] as Expected[], even: [] as Expected[], late: [] as Expected[] };
  const after = watermarksAfter(rows);
  let watermark = MIN_WATERMARK;
  rows.forEach((row, i) => {
    const at = i + 1;
    if (row.t < watermark) found.late.push({ at, value: row.id, timestamp: row.t });
    else {
      buffers[row.stream].push(row);
      for (const other of buffers[row.stream === 'a' ? 'b' : 'a']) {
        const [left, right] = row.stream === 'a' ? [row, other] : [other, row];
        if (left.k !== right.k || !inside(left, right, given)) continue;
        const timestamp = Math.max(left.t, right.t);
        found.main.push({ at, value: `${left.id}+${right.id} ${left.t} ${right.t}`, timestamp });
        if ((left.v + right.v) % 2 === 0) found.even.push({ at, value: `${left.id}+${right.id}`, timestamp });
      }
    }
    if (after[i]! > watermark) {
      watermark = after[i]!;
      buffers.a = buffers.a.filter(({ t }) => t + Math.max(0, upper) > watermark);
      buffers.b = buffers.b.filter(({ t }) => t + Math.max(0, -lower) > watermark);
    }
    onEpoch?.(row, watermark, [...buffers.a, ...buffers.b]);
  });
  return found;
}

describe('interval join', () => {
  test('row by row it does what Flink’s algorithm does, late rows included, however it is packed', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(14), bounds, fc.integer({ min: 1, max: 8 }), async (rows, given, subtasks) => {
        const expected = naive(rows, given);
        const run = await runRowByRow(rows, joined(given, true), { subtasks });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(expected.main));
        expect(byEpoch(run, 'even')).toEqual(expectedByEpoch(expected.even));
        expect(byEpoch(run, 'late')).toEqual(expectedByEpoch(expected.late));
        expect(run.counts['late'] ?? 0).toBe(expected.late.length);
      }),
      { numRuns: 80, seed: 5 },
    );
  });

  test('restarted after every row, and its log folded, it does the same', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(14, 25), bounds, fc.boolean(), async (rows, given, folds) => {
        const expected = naive(rows, given);
        const fold = folds ? { fold: { due: 0, overdue: 1 } } : {};
        const run = await runRowByRow(rows, joined(given, false), { stopEvery: 1, ...fold });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(expected.main));
        expect(run.counts['lateDropped'] ?? 0).toBe(expected.late.length);
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  test('without late rows: all pairs within the bounds, however the input is cut, fused or fanned out', async () => {
    const given = fc.tuple(twoStreams(4), bounds, cuts, fc.integer({ min: 1, max: 4 }));
    await fc.assert(
      fc.asyncProperty(given, async ([rows, range, rowsPerEpoch, workers]) => {
        const of = (stream: string): TwoRow[] => rows.filter((row) => row.stream === stream);
        const pairs = of('a').flatMap((left) =>
          of('b')
            .filter((right) => left.k === right.k && inside(left, right, range))
            .map((right) => JSON.stringify([`${left.id}+${right.id} ${left.t} ${right.t}`, Math.max(left.t, right.t)])),
        );
        const fused = await runCut(rows, joined(range, false), { rowsPerEpoch });
        const fannedOut = await runCut(rows, joined(range, false), { workers, cutLike: fused });
        expect(multiset(fused, 'main')).toEqual(pairs.sort());
        expect(byEpoch(fannedOut, 'main')).toEqual(byEpoch(fused, 'main'));
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test('a row with the timestamp of the watermark is not late, and finds no partner that the watermark has dropped', async () => {
    const row = (stream: 'a' | 'b', t: number): TwoRow => ({ stream, id: `${stream}${t}`, k: 'k', t, v: 1 });
    const rows = [row('a', 10), row('b', 15), row('a', 15), row('b', 10)];
    const range = { lower: 0, upper: 0, exclusive: [false, false] } as const;
    const run = await runRowByRow(rows, joined(range, true));
    // The watermark is 10 when the second 'b' comes; with upper bound 0 the left row of 10 went with it.
    expect(run.values('main')).toEqual(['a15+b15 15 15']);
    expect(run.values('late')).toEqual([]);
  });

  test('a function may return its results', async () => {
    const rows: TwoRow[] = [
      { stream: 'a', id: 'l', k: 'k', t: 1, v: 1 },
      { stream: 'b', id: 'r', k: 'k', t: 2, v: 2 },
    ];
    const run = await runRowByRow(rows, (a, b, { sink }) => {
      const out = a
        .keyBy('k')
        .intervalJoin(b.keyBy('k'))
        .between(-5, 5)
        .process(function* (left, right) {
          yield left.v;
          yield right.v;
        });
      out.sinkTo(sink('main'));
    });
    expect(run.values('main')).toEqual([1, 2]);
  });
});

/** Stored state as rows: what a log of segments comes to. */
class StoredEntries extends Map<string, { key: unknown; name: string; sub: unknown; rows: TwoRow[] }> {
  put(_group: number, key: unknown, name: string, sub: unknown, value: unknown): void {
    this.set(`${String(key)} ${name} ${String(sub)}`, { key, name, sub, rows: structuredClone(value) as TwoRow[] });
  }
  remove(_group: number, key: unknown, name: string, sub: unknown): void {
    if (!this.delete(`${String(key)} ${name} ${String(sub)}`)) throw new Error('removed what was not stored');
  }
  get ids(): string[] {
    return [...this.values()].flatMap(({ rows }) => rows.map((row) => row.id)).sort();
  }
}

const GROUPS = 4;

async function opened(given: Bounds, keys: KeyIndex): Promise<KeyedOperator> {
  const lowerMs = given.lower + (given.exclusive[0] ? 1 : 0);
  const upperMs = given.upper - (given.exclusive[1] ? 1 : 0);
  const operator = new IntervalJoinFactory({
    lowerMs,
    upperMs,
    leftLateTag: null,
    rightLateTag: null,
    make: () => ({ processElement: () => undefined }),
  }).create();
  const output = new OutputBuffer(() => undefined);
  const side = (): null => null;
  await operator.open({
    uid: 'join',
    name: 'join',
    keys,
    keyGroups: [0, GROUPS],
    output,
    side,
    count: () => undefined,
    after: () => () => undefined,
  });
  return operator;
}

async function restoredFrom(
  stored: StoredEntries,
  given: Bounds,
  watermark: number,
): Promise<[KeyedOperator, KeyIndex]> {
  const keys = new KeyIndex(GROUPS);
  const operator = await opened(given, keys);
  for (const { key, name, sub, rows } of stored.values()) operator.restore(key, name, sub, structuredClone(rows));
  operator.restored(watermark);
  return [operator, keys];
}

describe('state of an interval join', () => {
  test('after every row it holds, and has stored, the rows that Flink’s algorithm keeps; also when restored', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(14), bounds, fc.constantFrom(1, 2, 5, 1000), async (rows, given, restoreEvery) => {
        const steps: { row: TwoRow; watermark: number; kept: string[] }[] = [];
        naive(rows, given, (row, watermark, kept) =>
          steps.push({ row, watermark, kept: kept.map(({ id }) => id).sort() }),
        );
        const stored = new StoredEntries();
        const batch = new ExchangeBatch(1);
        let before = MIN_WATERMARK;
        let [operator, keys] = await restoredFrom(stored, given, before);
        for (const [i, { row, watermark, kept }] of steps.entries()) {
          if (i % restoreEvery === 0) [operator, keys] = await restoredFrom(stored, given, before);
          batch.n = 1;
          batch.input = row.stream === 'a' ? 0 : 1;
          [batch.values[0], batch.ts[0], batch.wm[0], batch.keyIds[0]] = [row, row.t, before, keys.idOf(row.k)];
          operator.process(batch, 0, 1, Infinity);
          for (let g = 0; g < GROUPS; g++) operator.advance(g, watermark);
          operator.snapshot(stored);
          expect(stored.ids).toEqual(kept);
          const dumped = new StoredEntries();
          operator.dump(dumped);
          expect(new Map(dumped)).toEqual(new Map(stored));
          before = watermark;
        }
        for (let g = 0; g < GROUPS; g++) operator.advance(g, 1e9);
        operator.snapshot(stored);
        expect(stored.size).toBe(0);
        keys.sweep((id) => operator.isLive(id), true);
        expect(keys.size).toBe(0);
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  test('a long buffer gives back what has gone', async () => {
    const given = { lower: 0, upper: 50, exclusive: [false, false] } as const;
    const rows = Array.from({ length: 400 }, (_, i): TwoRow => {
      const stream = i % 8 === 7 ? 'b' : 'a';
      return { stream, id: `${stream}${i}`, k: 'k', t: i, v: i };
    });
    const run = await runCut(rows, joined(given, false), { rowsPerEpoch: 60 });
    expect(multiset(run, 'main')).toEqual(
      naive(rows, given)
        .main.map(({ value, timestamp }) => JSON.stringify([value, timestamp]))
        .sort(),
    );
  });
});
