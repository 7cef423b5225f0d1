/** Against a naive model: keyed state and one broadcast map in plain maps, the smaller of two watermarks for all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyedBroadcastProcess, KeyedBroadcastProcessFunction } from '../../api/broadcast-functions.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { valueState } from '../../api/functions.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type {
  BroadcastContext,
  KeyedBroadcastContext,
  KeyedBroadcastReadContext,
} from '../../operators/broadcast-process-function.ts';
import type { Collector } from '../../operators/collector.ts';
import type { OpenContext } from '../../operators/keyed-process-function.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { ListStateDescriptor, MapStateDescriptor } from '../../state/descriptors.ts';
import type { ListState } from '../../state/states.ts';
import type { TypeSerializer } from '../../state/type-serializer.ts';
import type { JobScope } from '../run-in-memory.ts';
import {
  byEpoch,
  cuts,
  expectedByEpoch,
  packedAnyhow,
  runRowByRow,
  twoStreams,
  watermarksAfter,
  type Expected,
  type TwoRow,
} from './two-streams-fixture.ts';

const RULES = new MapStateDescriptor<string, number>('rules');
const SIDE = new OutputTag<string>('side');

const rulesText = (entries: Iterable<[string, number]>): string => [...entries].map(([k, v]) => `${k}=${v}`).join();

/** A row of `b` sets the rule of a key, or removes it, and tells all keys; rows and timers of `a` read it. */
function setRule(row: TwoRow, ctx: BroadcastContext, out: Collector<string>): void {
  const rules = ctx.getBroadcastState(RULES);
  if (row.v % 4 === 0) rules.remove(row.k);
  else rules.put(row.k, row.v);
  out.collect(`${row.id}: ${rulesText(rules.entries())} ${ctx.currentWatermark()}`);
  if (row.v % 3 === 0) ctx.output(SIDE, row.id);
}

const keyed = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
  const out = a
    .keyBy('k')
    .connect(b.broadcast(RULES))
    .process({
      state: { sum: valueState<number>() },
      processElement(row: TwoRow, ctx, collect: Collector<string>) {
        const { sum } = ctx.state;
        sum.update((sum.value() ?? 0) + row.v);
        collect.collect(
          `${row.id} ${ctx.getBroadcastState(RULES).get(row.k)} ${sum.value()} ${ctx.currentWatermark()}`,
        );
        ctx.timerService().registerEventTimeTimer(row.t + row.v);
      },
      processBroadcastElement(row: TwoRow, ctx, collect: Collector<string>) {
        setRule(row, ctx, collect);
        ctx.applyToKeyedState(ctx.state.sum, (key, sum) => {
          collect.collect(`${key} at ${sum.value()} for ${row.id}`);
          if (row.v % 5 === 0) sum.clear();
          if (row.v % 5 === 1) sum.update(sum.value()! + 1);
        });
        if (row.v % 2 === 0) collect.collect(`${row.id} done`);
      },
      onTimer(at, ctx, collect: Collector<string>) {
        const rules = rulesText(ctx.getBroadcastState(RULES).immutableEntries());
        collect.collect(`${ctx.getCurrentKey()}@${at} ${ctx.state.sum.value()} ${rules}`);
      },
    });
  out.sinkTo(sink('main'));
  out.getSideOutput(SIDE).sinkTo(sink('side'));
};

function naive(rows: readonly TwoRow[]): { main: Expected[]; side: Expected[] } {
  const sums = new Map<string, number>();
  const rules = new Map<string, number>();
  let timers: { readonly k: string; readonly at: number }[] = [];
  const found = { main: [] as Expected[], side: [] as Expected[] };
  let watermark = MIN_WATERMARK;
  const onRow = ({ stream, id, k, t, v }: TwoRow, epoch: number): void => {
    const emit = (value: string): unknown => found.main.push({ at: epoch, value, timestamp: t });
    if (stream === 'a') {
      sums.set(k, (sums.get(k) ?? 0) + v);
      emit(`${id} ${rules.get(k) ?? null} ${sums.get(k)} ${watermark}`);
      if (!timers.some((timer) => timer.k === k && timer.at === t + v)) timers.push({ k, at: t + v });
      return;
    }
    if (v % 4 === 0) rules.delete(k);
    else rules.set(k, v);
    emit(`${id}: ${rulesText(rules)} ${watermark}`);
    if (v % 3 === 0) found.side.push({ at: epoch, value: id, timestamp: t });
    for (const [key, sum] of [...sums]) {
      emit(`${key} at ${sum} for ${id}`);
      if (v % 5 === 0) sums.delete(key);
      if (v % 5 === 1) sums.set(key, sum + 1);
    }
    if (v % 2 === 0) emit(`${id} done`);
  };
  watermarksAfter(rows).forEach((after, i) => {
    const row = rows[i];
    if (row !== undefined) onRow(row, i + 1);
    // A timer behind the watermark waits until that moves on.
    if (after <= watermark) return;
    watermark = after;
    const due = timers.filter(({ at }) => at <= watermark).sort((x, y) => x.at - y.at);
    timers = timers.filter((timer) => !due.includes(timer));
    for (const { k, at } of due)
      found.main.push({ at: i + 1, value: `${k}@${at} ${sums.get(k) ?? null} ${rulesText(rules)}`, timestamp: at });
  });
  return found;
}

describe('a keyed stream and a broadcast one', () => {
  test('row by row it does what the naive model does, however it is packed', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12), fc.integer({ min: 1, max: 8 }), async (rows, subtasks) => {
        const expected = naive(rows);
        const run = await runRowByRow(rows, keyed, { subtasks });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(expected.main));
        expect(byEpoch(run, 'side')).toEqual(expectedByEpoch(expected.side));
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  test('restarted after every row, and its log folded, it does the same: every subtask has the broadcast state back', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12, 25), fc.boolean(), fc.constantFrom(1, 3), async (rows, folds, subtasks) => {
        const fold = folds ? { fold: { due: 0, overdue: 1 } } : {};
        const run = await runRowByRow(rows, keyed, { stopEvery: 1, subtasks, ...fold });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(naive(rows).main));
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  test('however the input is cut, packing and fanning out do not show', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12), cuts, fc.integer({ min: 2, max: 8 }), async (rows, rowsPerEpoch, many) => {
        const { one, packed, fannedOut } = await packedAnyhow(rows, keyed, rowsPerEpoch, many);
        expect(packed).toEqual(one);
        expect(fannedOut).toEqual(one);
      }),
      { numRuns: 30, seed: 5 },
    );
  });
});

const notKeyed = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { env, sink }: JobScope): void => {
  env.setParallelism(4);
  const out = a
    .rebalance()
    .connect(b.broadcast(RULES))
    .process({
      processElement(row: TwoRow, ctx, collect: Collector<string>) {
        const rules = ctx.getBroadcastState(RULES);
        collect.collect(`${row.id} ${rulesText(rules.entries())} ${rules.contains(row.k)} ${rules.isEmpty()}`);
      },
      processBroadcastElement: setRule,
    });
  out.sinkTo(sink('main'));
  out.getSideOutput(SIDE).sinkTo(sink('side'));
};

describe('a stream without keys and a broadcast one', () => {
  test('every partition sees every rule; what a rule emits is emitted once', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12, 25), fc.integer({ min: 1, max: 8 }), async (rows, subtasks) => {
        const after = [MIN_WATERMARK, ...watermarksAfter(rows)];
        const rules = new Map<string, number>();
        const expected = rows.map(({ stream, id, k, t, v }, i): Expected => {
          if (stream === 'b') {
            if (v % 4 === 0) rules.delete(k);
            else rules.set(k, v);
          }
          const watermark = Math.max(...after.slice(0, i + 1));
          const text = rulesText(rules);
          const value =
            stream === 'b' ? `${id}: ${text} ${watermark}` : `${id} ${text} ${rules.has(k)} ${rules.size === 0}`;
          return { at: i + 1, value, timestamp: t };
        });
        const run = await runRowByRow(rows, notKeyed, { subtasks, stopEvery: 5 });
        expect(byEpoch(run, 'main')).toEqual(expectedByEpoch(expected));
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  test('however the input is cut, packing and fanning out do not show', async () => {
    await fc.assert(
      fc.asyncProperty(twoStreams(12), cuts, fc.integer({ min: 2, max: 4 }), async (rows, rowsPerEpoch, many) => {
        const { one, packed, fannedOut } = await packedAnyhow(rows, notKeyed, rowsPerEpoch, many);
        expect(packed).toEqual(one);
        expect(fannedOut).toEqual(one);
      }),
      { numRuns: 20, seed: 5 },
    );
  });
});

const IDS = new ListStateDescriptor<string>('ids');

class Gather extends KeyedBroadcastProcessFunction<string, TwoRow, TwoRow, string> {
  private ids!: ListState<string>;
  override open(ctx: OpenContext): void {
    this.ids = ctx.getListState(IDS);
  }
  processElement(row: TwoRow, ctx: KeyedBroadcastReadContext<string>, out: Collector<string>): void {
    this.ids.add(row.id);
    out.collect(`${row.id} ${ctx.getBroadcastState(RULES).get('all')}`);
  }
  processBroadcastElement(row: TwoRow, ctx: KeyedBroadcastContext<string>, out: Collector<string>): void {
    ctx.getBroadcastState(RULES).put('all', row.v);
    ctx.applyToKeyedState(IDS, (key, ids) => out.collect(`${key}: ${ids.get().join()}`));
  }
}

describe('forms and limits', () => {
  const row = (stream: 'a' | 'b', id: string, k: string, v = 1): TwoRow => ({ stream, id, k, t: 1, v });
  const rows = [row('a', 'a1', 'x'), row('a', 'a2', 'y'), row('b', 'b1', '', 7), row('a', 'a3', 'x')];

  test('a class with a state that applyToKeyedState finds by its descriptor', async () => {
    const build = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
      a.keyBy('k').connect(b.broadcast(RULES)).process(new Gather()).sinkTo(sink('main'));
    };
    const run = await runRowByRow(rows, build, { subtasks: 3 });
    expect(
      run
        .rows('main')
        .map(({ epoch, value }) => `${epoch} ${String(value)}`)
        .sort(),
    ).toEqual(['1 a1 null', '2 a2 null', '3 x: a1', '3 y: a2', '4 a3 7']);
  });

  type Fn = Parameters<
    typeof keyedBroadcastProcess<string, TwoRow, TwoRow, string, { n: ReturnType<typeof valueState<number>> }>
  >[0];
  const failing = (fn: Partial<Fn>): Promise<unknown> =>
    runRowByRow(rows, (a, b, { sink }) => {
      const definition: Fn = {
        state: { n: valueState<number>() },
        processElement: () => undefined,
        processBroadcastElement: () => undefined,
        ...fn,
      };
      a.keyBy('k').connect(b.broadcast(RULES)).process(keyedBroadcastProcess(definition)).sinkTo(sink('main'));
    });

  test('broadcast state is not written by rows of the other stream, not even through a kept handle', async () => {
    let kept: { put(key: string, value: number): void } | null = null;
    const keeps: Partial<Fn> = {
      processBroadcastElement: (_row, ctx) => void (kept = ctx.getBroadcastState(RULES)),
      processElement: () => kept?.put('x', 1),
    };
    await expect(failing(keeps)).rejects.toThrow(
      /changed broadcast state "rules" where it may only be read.*processBroadcastElement/s,
    );
  });

  test('keyed state, timers and unknown broadcast states in processBroadcastElement are refused', async () => {
    const other = new MapStateDescriptor<string, number>('other');
    const cases: [Partial<Fn>, RegExp][] = [
      [{ processBroadcastElement: (_r, ctx) => ctx.state.n.update(1) }, /state "value:n".*no current key/s],
      [
        {
          processBroadcastElement: (r, ctx) =>
            (ctx as unknown as KeyedBroadcastReadContext<string>).timerService().registerEventTimeTimer(r.t),
        },
        /timer where there is no current key/,
      ],
      [{ processElement: (_r, ctx) => void ctx.getBroadcastState(other) }, /broadcast state "other".*broadcast\(…\)/s],
      [
        {
          processElement: (_r, ctx) =>
            (ctx as unknown as KeyedBroadcastContext<string>).applyToKeyedState(ctx.state.n, () => undefined),
        },
        /applyToKeyedState where it cannot reach/,
      ],
    ];
    for (const [fn, message] of cases) await expect(failing(fn)).rejects.toThrow(message);
  });
});

describe('broadcast state of class instances', () => {
  class Rule {
    readonly factor: number;
    constructor(factor: number) {
      this.factor = factor;
    }
    of(v: number): number {
      return this.factor * v;
    }
  }
  const serializer: TypeSerializer<Rule> = {
    version: 1,
    serialize: (rule) => rule.factor,
    deserialize: (factor) => new Rule(factor as number),
  };
  const TYPED = new MapStateDescriptor<string, Rule>('rule', serializer);

  test('a serializer brings them back after a restart, in every subtask', async () => {
    const rows: TwoRow[] = [
      { stream: 'b', id: 'b1', k: 'x', t: 1, v: 3 },
      ...['x', 'y', 'z'].map((k): TwoRow => ({ stream: 'a', id: k, k, t: 2, v: 2 })),
    ];
    const build = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, { sink }: JobScope): void => {
      const out = a
        .keyBy('k')
        .connect(b.broadcast(TYPED))
        .process({
          state: {},
          processElement: (row, ctx, collect: Collector<string>) =>
            collect.collect(`${row.id} ${ctx.getBroadcastState(TYPED).get('rule')?.of(row.v)}`),
          processBroadcastElement: (row, ctx) => ctx.getBroadcastState(TYPED).put('rule', new Rule(row.v)),
        });
      out.sinkTo(sink('main'));
    };
    const run = await runRowByRow(rows, build, { stopEvery: 1, subtasks: 3 });
    expect(run.values('main').map(String).sort()).toEqual(['x 6', 'y 6', 'z 6']);
  });
});
