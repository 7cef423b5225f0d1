/** Against a naive model: state in plain maps, timers in a list, the smaller of two watermarks for all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CoMapFunction, CoProcessFunction, KeyedCoProcessFunction } from '../../api/co-functions.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { mapState, valueState } from '../../api/functions.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { Collector } from '../../operators/collector.ts';
import type { KeyedContext, OnTimerContext, OpenContext } from '../../operators/keyed-process-function.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { ValueStateDescriptor } from '../../state/descriptors.ts';
import type { ValueState } from '../../state/states.ts';
import type { JobScope } from '../run-in-memory.ts';
import {
  byEpoch,
  cuts,
  expectedByEpoch,
  multiset,
  packedAnyhow,
  runCut,
  runRowByRow,
  twoStreams,
  watermarksAfter,
  type Expected,
  type TwoRow,
} from './two-streams-fixture.ts';

const SIDE = new OutputTag<string>('side');

/** `a` adds up and sets timers; `b` looks, takes away and deletes timers; a timer tells, and sometimes sets the next. */
const build = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
  const out = a
    .keyBy('k')
    .connect(b.keyBy((row) => row.k))
    .process({
      state: { sum: valueState<number>({ defaultValue: 0 }), seen: mapState<string, number>() },
      processElement1(row: TwoRow, ctx, collect: Collector<string>) {
        const sum = ctx.state.sum.value() + row.v;
        ctx.state.sum.update(sum);
        ctx.state.seen.put(row.id, row.t);
        ctx.timerService().registerEventTimeTimer(row.t + row.v);
        if (row.v % 3 === 0) collect.collect(`${row.id} ${sum} ${ctx.currentWatermark()} ${ctx.timestamp()}`);
      },
      processElement2(row: TwoRow, ctx, collect: Collector<string>) {
        const ids = [...ctx.state.seen.keys()].length;
        collect.collect(`${ctx.getCurrentKey()} ${row.id} ${ctx.state.sum.value()} ${ids} ${ctx.currentWatermark()}`);
        ctx.timerService().deleteEventTimeTimer(row.t + row.v);
        if (row.v % 4 === 0) ctx.output(SIDE, row.id);
        if (row.v % 5 === 0) ctx.state.seen.clear();
      },
      onTimer(at, ctx, collect: Collector<string>) {
        collect.collect(`${ctx.getCurrentKey()}@${at} ${ctx.state.sum.value()}`);
        if (at % 2 === 0) ctx.state.sum.clear();
        if (at % 3 === 0) ctx.timerService().registerEventTimeTimer(at + 7);
      },
    });
  out.sinkTo(sink('main'));
  out.getSideOutput(SIDE).sinkTo(sink('side'));
};

function naive(rows: readonly TwoRow[]): { main: Expected[]; side: Expected[] } {
  const sums = new Map<string, number>();
  const seen = new Map<string, number>();
  let timers: { readonly k: string; readonly at: number }[] = [];
  const found = { main: [] as Expected[], side: [] as Expected[] };
  let watermark = MIN_WATERMARK;
  const register = (k: string, at: number): void => {
    if (!timers.some((timer) => timer.k === k && timer.at === at)) timers.push({ k, at });
  };
  const onRow = ({ stream, id, k, t, v }: TwoRow, epoch: number): void => {
    const emit = (value: string): unknown => found.main.push({ at: epoch, value, timestamp: t });
    if (stream === 'a') {
      sums.set(k, (sums.get(k) ?? 0) + v);
      seen.set(k, (seen.get(k) ?? 0) + 1);
      register(k, t + v);
      if (v % 3 === 0) emit(`${id} ${sums.get(k)} ${watermark} ${t}`);
      return;
    }
    emit(`${k} ${id} ${sums.get(k) ?? 0} ${seen.get(k) ?? 0} ${watermark}`);
    timers = timers.filter((timer) => timer.k !== k || timer.at !== t + v);
    if (v % 4 === 0) found.side.push({ at: epoch, value: id, timestamp: t });
    if (v % 5 === 0) seen.delete(k);
  };
  const advance = (to: number, epoch: number): void => {
    if (to <= watermark) return;
    watermark = to;
    for (;;) {
      const due = timers.filter(({ at }) => at <= to).sort((x, y) => x.at - y.at);
      const [next] = due;
      if (next === undefined) return;
      timers = timers.filter((timer) => timer !== next);
      found.main.push({ at: epoch, value: `${next.k}@${next.at} ${sums.get(next.k) ?? 0}`, timestamp: next.at });
      if (next.at % 2 === 0) sums.delete(next.k);
      if (next.at % 3 === 0) register(next.k, next.at + 7);
    }
  };
  watermarksAfter(rows).forEach((after, i) => {
    const row = rows[i];
    if (row !== undefined) onRow(row, i + 1);
    advance(after, i + 1);
  });
  return found;
}

describe('two keyed streams in one function', () => {
  test('row by row it does what the naive model does, however it is packed', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12), fc.integer({ min: 1, max: 8 }), async (rows, subtasks) => {
        const expected = naive(rows);
        const run = await runRowByRow(rows, build, { subtasks });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(expected.main));
        expect(byEpoch(run, 'side')).toEqual(expectedByEpoch(expected.side));
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test('restarted after every row, and its log folded, it does the same', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12, 25), fc.boolean(), async (rows, folds) => {
        const fold = folds ? { fold: { due: 0, overdue: 1 } } : {};
        const run = await runRowByRow(rows, build, { stopEvery: 1, ...fold });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(naive(rows).main));
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  test('however the input is cut, packing and fanning out do not show', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12), cuts, fc.integer({ min: 2, max: 8 }), async (rows, rowsPerEpoch, many) => {
        const { one, packed, fannedOut } = await packedAnyhow(rows, build, rowsPerEpoch, many);
        expect(packed).toEqual(one);
        expect(fannedOut).toEqual(one);
      }),
      { numRuns: 30, seed: 5 },
    );
  });
});

class Totals extends KeyedCoProcessFunction<string, TwoRow, TwoRow, string> {
  private total!: ValueState<number>;
  override open(ctx: OpenContext): void {
    this.total = ctx.getState(new ValueStateDescriptor<number>('total', 0));
  }
  processElement1(row: TwoRow): void {
    this.total.update(this.total.value()! + row.v);
  }
  processElement2(row: TwoRow, ctx: KeyedContext<string>): void {
    ctx.timerService().registerEventTimeTimer(row.t);
  }
  override onTimer(_at: number, ctx: OnTimerContext<string>, out: Collector<string>): void {
    out.collect(`${ctx.getCurrentKey()} ${this.total.value()}`);
  }
}

class Latest extends CoMapFunction<TwoRow, TwoRow, string> {
  private last!: ValueState<string>;
  override open(ctx: OpenContext): void {
    this.last = ctx.getState(new ValueStateDescriptor<string>('last'));
  }
  map1(row: TwoRow): string {
    this.last.update(row.id);
    return row.id;
  }
  map2(row: TwoRow): string {
    return `${row.id} after ${this.last.value()}`;
  }
}

class Watermarks extends CoProcessFunction<TwoRow, TwoRow, string> {
  processElement1(row: TwoRow, ctx: ProcessContext, out: Collector<string>): void {
    out.collect(`${row.id} ${ctx.currentWatermark()}`);
  }
  processElement2(row: TwoRow, ctx: ProcessContext, out: Collector<string>): void {
    out.collect(`${row.id} ${ctx.currentWatermark()}`);
  }
}

describe('forms of connected streams', () => {
  const row = (stream: 'a' | 'b', id: string, k: string, t: number, v = 1): TwoRow => ({ stream, id, k, t, v });
  const rows = [row('a', 'a1', 'x', 1), row('b', 'b1', 'x', 9), row('a', 'a2', 'y', 12, 5), row('b', 'b2', 'y', 15)];

  test('a class has states of its own in each subtask', async () => {
    const both = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
      const connected = a.keyBy('k').connect(b.keyBy('k'));
      connected.process(new Totals()).sinkTo(sink('totals'));
      connected.map(new Latest()).sinkTo(sink('latest'));
    };
    const run = await runRowByRow(rows, both, { subtasks: 4 });
    expect(run.values('totals').map(String).sort()).toEqual(['x 1', 'y 5']);
    expect(run.values('latest').map(String).sort()).toEqual(['a1', 'a2', 'b1 after a1', 'b2 after a2']);
  });

  test('without keys: map, flatMap and process, each with the types of its side', async () => {
    const run = await runRowByRow(rows, (a, b, { sink }) => {
      const other = b.map(({ id, t }) => ({ name: id, t }));
      const connected = a.connect(other);
      connected.map({ map1: (r) => r.v, map2: (r) => r.name }).sinkTo(sink('map'));
      const lists = connected.flatMap({
        flatMap1: (r) => [r.id, r.k],
        flatMap2: (r, out: Collector<string>) => out.collect(r.name),
      });
      lists.sinkTo(sink('flatMap'));
      a.connect(b).process(new Watermarks()).sinkTo(sink('process'));
    });
    expect(run.values('map')).toEqual([1, 'b1', 5, 'b2']);
    expect(run.values('flatMap')).toEqual(['a1', 'x', 'b1', 'a2', 'y', 'b2']);
    expect(run.values('process')).toEqual([`a1 ${MIN_WATERMARK}`, `b1 ${MIN_WATERMARK}`, 'a2 -4', 'b2 4']);
  });

  test('connect(…).keyBy(…) is the connection of keyed streams', async () => {
    const run = await runCut(
      rows,
      (a, b, { sink }) => {
        a.connect(b).keyBy('k', 'k').map(new Latest()).sinkTo(sink('fields'));
        const other = b.map(({ id, k }) => ({ id, key: k }));
        const byFunction = a.connect(other).keyBy(
          (r) => r.k,
          (r) => r.key,
        );
        byFunction
          .process({
            state: { n: valueState<number>({ defaultValue: 0 }) },
            processElement1: (_r, ctx, _out: Collector<string>) => ctx.state.n.update(ctx.state.n.value() + 1),
            processElement2: (r, ctx, out: Collector<string>) => out.collect(`${r.id} ${r.key} ${ctx.state.n.value()}`),
          })
          .sinkTo(sink('functions'));
      },
      {},
    );
    expect(multiset(run, 'fields')).toHaveLength(4);
    expect(run.values('functions').map(String).sort()).toEqual(['b1 x 1', 'b2 y 1']);
  });
});
