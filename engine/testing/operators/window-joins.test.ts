/** Window joins and coGroup against the definition: rows of two streams by key and window. Windows themselves have tests of their own. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataStream } from '../../api/data-stream.ts';
import { CoGroupFunction, FlatJoinFunction, JoinFunction } from '../../api/join-functions.ts';
import type { TaggedUnion } from '../../api/tagged-union.ts';
import { schema, t } from '../../formats/schema.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { CountTrigger } from '../../windows/count-trigger.ts';
import type { WindowCollector } from '../../windows/window-function.ts';
import { runInMemory, type JobScope } from '../run-in-memory.ts';
import { SplitSource } from '../split-source.ts';
import { cuts, multiset, packedAnyhow, runCut, runRowByRow, twoStreams, type TwoRow } from './two-streams-fixture.ts';

const SIZE_MS = 10;
const SLIDE_MS = 5;
const LATE = new OutputTag<TaggedUnion<TwoRow, TwoRow>>('late');

const joins = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
  const join = (): ReturnType<ReturnType<typeof a.join<TwoRow>>['where']> => a.join(b).where('k');
  join()
    .equalTo('k')
    .window(TumblingEventTimeWindows.of(SIZE_MS))
    .apply((l, r) => `${l.id}+${r.id}`)
    .sinkTo(sink('tumbling'));
  join()
    .equalTo((row) => row.k)
    .window(SlidingEventTimeWindows.of(SIZE_MS, SLIDE_MS))
    .apply((l, r) => `${l.id}+${r.id}`)
    .sinkTo(sink('sliding'));
  const groups = a
    .coGroup(b)
    .where((row) => row.k)
    .equalTo('k')
    .window(TumblingEventTimeWindows.of(SIZE_MS))
    .sideOutputLateData(LATE)
    .apply((ls, rs) => [`${idsOf(ls)}|${idsOf(rs)}`]);
  groups.sinkTo(sink('groups'));
  groups
    .getSideOutput(LATE)
    .map(({ side, value }) => `${side} ${value.id}`)
    .sinkTo(sink('late'));
};

const idsOf = (rows: readonly TwoRow[]): string =>
  rows
    .map((row) => row.id)
    .sort()
    .join();

/** Starts of the windows that a row belongs to. */
const startsOf = (time: number, slide: number): number[] => {
  const last = Math.floor(time / slide) * slide;
  return Array.from({ length: SIZE_MS / slide }, (_, i) => last - i * slide);
};

function pairs(rows: readonly TwoRow[], slide: number): string[] {
  const found: string[] = [];
  for (const l of rows.filter(({ stream }) => stream === 'a')) {
    for (const r of rows.filter(({ stream, k }) => stream === 'b' && k === l.k)) {
      for (const start of startsOf(l.t, slide).filter((s) => startsOf(r.t, slide).includes(s)))
        found.push(JSON.stringify([`${l.id}+${r.id}`, start + SIZE_MS - 1]));
    }
  }
  return found.sort();
}

function groups(rows: readonly TwoRow[]): string[] {
  const byWindow = new Map<string, TwoRow[]>();
  for (const row of rows) {
    const [start] = startsOf(row.t, SIZE_MS);
    const at = JSON.stringify([row.k, start]);
    byWindow.set(at, [...(byWindow.get(at) ?? []), row]);
  }
  const texts = [...byWindow].map(([at, of]) => {
    const [, start] = JSON.parse(at) as [string, number];
    const side = (stream: string): string => idsOf(of.filter((row) => row.stream === stream));
    return JSON.stringify([`${side('a')}|${side('b')}`, start + SIZE_MS - 1]);
  });
  return texts.sort();
}

describe('window joins', () => {
  test('without late rows: all pairs and groups, however the input is cut', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(4), cuts, fc.integer({ min: 1, max: 8 }), async (rows, rowsPerEpoch, subtasks) => {
        const run = await runCut(rows, joins, { rowsPerEpoch, subtasks });
        expect(multiset(run, 'tumbling')).toEqual(pairs(rows, SIZE_MS));
        expect(multiset(run, 'sliding')).toEqual(pairs(rows, SLIDE_MS));
        expect(multiset(run, 'groups')).toEqual(groups(rows));
        expect(multiset(run, 'late')).toEqual([]);
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  test('with late rows, packing and fanning out do not show; neither does a restart', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(14), cuts, fc.integer({ min: 2, max: 8 }), async (rows, rowsPerEpoch, many) => {
        const { one, packed, fannedOut } = await packedAnyhow(rows, joins, rowsPerEpoch, many);
        expect(packed).toEqual(one);
        expect(fannedOut).toEqual(one);
        const calm = await runRowByRow(rows, joins);
        const stopped = await runRowByRow(rows, joins, { stopEvery: 3 });
        for (const sink of calm.sinks) expect(multiset(stopped, sink)).toEqual(multiset(calm, sink));
      }),
      { numRuns: 12, seed: 5 },
    );
  });
});

class Ids extends JoinFunction<TwoRow, TwoRow, string> {
  join(first: TwoRow, second: TwoRow): string {
    return `${first.id}${second.id}`;
  }
}
class BothIds extends FlatJoinFunction<TwoRow, TwoRow, string> {
  join(first: TwoRow, second: TwoRow, out: WindowCollector<string>): void {
    out.collect(first.id);
    out.collect(second.id);
  }
}
class Sizes extends CoGroupFunction<TwoRow, TwoRow, string> {
  private prefix = '';
  override open(): void {
    this.prefix = 'sizes';
  }
  coGroup(first: readonly TwoRow[], second: readonly TwoRow[], out: WindowCollector<string>): void {
    out.collect(`${this.prefix} ${first.length} ${second.length}`);
  }
}

describe('forms of window joins', () => {
  const row = (stream: 'a' | 'b', id: string, time: number): TwoRow => ({ stream, id, k: 'k', t: time, v: 1 });
  const rows = [row('a', 'a1', 1), row('a', 'a2', 2), row('b', 'b1', 3), row('b', 'b2', 11), row('a', 'a3', 12)];

  test('classes, in left-major order of arrival', async () => {
    const run = await runRowByRow(rows, (a, b, { sink }) => {
      const windows = TumblingEventTimeWindows.of(SIZE_MS);
      const joined = a.join(b).where('k').equalTo('k').window(windows);
      joined.apply(new Ids()).sinkTo(sink('join'));
      joined.apply(new BothIds()).sinkTo(sink('flat'));
      a.coGroup(b).where('k').equalTo('k').window(windows).apply(new Sizes()).sinkTo(sink('sizes'));
    });
    expect(run.values('join')).toEqual(['a1b1', 'a2b1', 'a3b2']);
    expect(run.values('flat')).toEqual(['a1', 'b1', 'a2', 'b1', 'a3', 'b2']);
    expect(run.values('sizes')).toEqual(['sizes 2 1', 'sizes 1 1']);
  });

  test('a trigger counts the rows of both streams', async () => {
    const run = await runRowByRow(rows, (a, b, { sink }) => {
      a.coGroup(b)
        .where('k')
        .equalTo('k')
        .window(TumblingEventTimeWindows.of(SIZE_MS))
        .trigger(CountTrigger.of(2))
        .apply((ls, rs) => [`${idsOf(ls)}|${idsOf(rs)}`])
        .sinkTo(sink('main'));
    });
    expect(run.rows('main').map(({ epoch, value }) => [epoch, value])).toEqual([
      [2, 'a1,a2|'],
      [5, 'a3|b2'],
    ]);
  });

  test('rows of a declared schema, which the runtime reuses, are kept as they were', async () => {
    const declared = schema({ id: t.string(), k: t.string(), t: t.number() });
    const run = await runInMemory(({ env, sink }) => {
      const strategy = WatermarkStrategy.forMonotonousTimestamps<{ id: string; k: string; t: number }>();
      const [a, b] = ['a', 'b'].map((name) => {
        const source = new SplitSource([rows.filter((of) => of.stream === name)], declared);
        return env.fromSource(
          source,
          strategy.withTimestampAssigner((of) => of.t),
          name,
        );
      });
      a!
        .join(b!)
        .where('k')
        .equalTo('k')
        .window(TumblingEventTimeWindows.of(SIZE_MS))
        .apply((l, r) => l.id + r.id)
        .sinkTo(sink('main'));
    });
    expect(run.values('main')).toEqual(['a1b1', 'a2b1', 'a3b2']);
  });
});
