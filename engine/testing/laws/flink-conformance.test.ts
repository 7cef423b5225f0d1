/**
 * Programs with the answers that Apache Flink 2.1 gave, row by row (ARCHITECTURE section 12.1). One row is one epoch, in the order of
 * arrival; the ends of the streams are further epochs, in alphabetical order; `at` is the number of the epoch. A case is a folder
 * `ds_*` of the conformance suite and an entry of PROGRAMS.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { aggregatingState, keyedProcess, listState, mapState, reducingState, valueState } from '../../api/functions.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../model/watermark.ts';
import type { Collector } from '../../operators/collector.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import type { Sink } from '../../ports/sink.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { runInMemory } from '../run-in-memory.ts';
import { RowScript } from '../scripted-source.ts';

const FOLDER =
  process.env['MILLRACE_CONFORMANCE'] ?? fileURLToPath(new URL('../../../../shared/conformance', import.meta.url));
const PRESENT = existsSync(FOLDER);
/** Packings to try; the last one gives several subtasks a few keys each. */
const SUBTASKS = [1, 4];

interface Element {
  readonly id: string;
  readonly k: string;
  readonly ts: number;
  readonly v: number;
  readonly type: string;
}
type Streams = Readonly<Record<string, DataStream<Element>>>;
/** What a program emits, by name of the output. */
type Outputs = Readonly<Record<string, { sinkTo(sink: Sink<never>): unknown }>>;
type Program = (streams: Streams) => Outputs;

const shown = (watermark: number): number | string =>
  watermark >= MAX_WATERMARK ? 'MAX' : watermark <= MIN_WATERMARK ? 'MIN' : watermark;

const sumAndCount = {
  createAccumulator: () => ({ sum: 0, count: 0 }),
  add: (e: Element, a: { sum: number; count: number }) => ({ sum: a.sum + e.v, count: a.count + 1 }),
  getResult: (a: { sum: number; count: number }) => a,
};

interface Sums {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly sum: number;
  readonly count: number;
  readonly watermark: number | string;
}

function sums(
  stream: DataStream<Element>,
  offsetMs: number,
  latenessMs: number,
  late: OutputTag<Element>,
): SingleOutputStreamOperator<Sums> {
  return stream
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(60_000, offsetMs))
    .allowedLateness(latenessMs)
    .sideOutputLateData(late)
    .aggregate(sumAndCount, (key, ctx, [total]) => [
      { key, start: ctx.window.start, end: ctx.window.end, ...total!, watermark: shown(ctx.currentWatermark()) },
    ]);
}

const LATE = new OutputTag<Element>('late');
const LARGE = new OutputTag<{ large: string }>('large');
const BEHIND = new OutputTag<{ late: string; wm: number }>('late');

const PROGRAMS: Readonly<Record<string, Program>> = {
  ds_filter_map_flatmap: ({ events }) => ({
    main: events!
      .filter((e) => e.v % 3 !== 0)
      .map((e) => ({ ...e, v: e.v * 2 }))
      .flatMap((e) => Array.from({ length: e.v % 4 }, (_, i) => ({ id: e.id, i, v: e.v }))),
  }),

  ds_rolling_reduce: ({ events }) => ({
    main: events!.keyBy('k').reduce((a, b) => ({
      k: a.k,
      id: `${a.id}+${b.id}`.slice(-24),
      ts: Math.max(a.ts, b.ts),
      v: a.v + b.v,
      type: a.type,
    })),
  }),

  ds_side_outputs: ({ events }) => {
    const main = events!.process((e: Element, ctx, out: Collector<{ id: string }>) => {
      if (e.v > 80) ctx.output(LARGE, { large: e.id });
      if (e.ts < ctx.currentWatermark()) ctx.output(BEHIND, { late: e.id, wm: ctx.currentWatermark() });
      out.collect({ id: e.id });
    });
    return { main, large: main.getSideOutput(LARGE), late: main.getSideOutput(BEHIND) };
  },

  ds_session_detector: ({ events }) => ({
    main: events!.keyBy('k').process(
      keyedProcess({
        state: {
          start: valueState<number>(),
          last: valueState<number>(),
          count: valueState<number>(),
          timer: valueState<number>(),
        },
        processElement(e: Element, ctx, _out: Collector<unknown>) {
          const { start, last, count, timer } = ctx.state;
          if (start.value() === null) start.update(e.ts);
          last.update(e.ts);
          count.update((count.value() ?? 0) + 1);
          const before = timer.value();
          if (before !== null) ctx.timerService().deleteEventTimeTimer(before);
          timer.update(e.ts + 1_800_000);
          ctx.timerService().registerEventTimeTimer(e.ts + 1_800_000);
        },
        onTimer(at, ctx, out: Collector<unknown>) {
          const { start, last, count, timer } = ctx.state;
          out.collect({
            key: ctx.getCurrentKey(),
            start: start.value(),
            last: last.value(),
            count: count.value(),
            timer: at,
          });
          for (const state of [start, last, count, timer]) state.clear();
        },
      }),
    ),
  }),

  ds_state_primitives: ({ events }) => ({
    main: events!.keyBy('k').process(
      keyedProcess({
        state: {
          list: listState<number>(),
          max: reducingState<number>((a, b) => Math.max(a, b)),
          agg: aggregatingState({
            createAccumulator: () => ({ sum: 0, cnt: 0 }),
            add: (v: number, a: { sum: number; cnt: number }) => ({ sum: a.sum + v, cnt: a.cnt + 1 }),
            getResult: (a: { sum: number; cnt: number }) => a,
          }),
          map: mapState<string, number>(),
          counter: valueState<number>(),
        },
        processElement(e: Element, ctx, out: Collector<unknown>) {
          const { list, max, agg, map, counter } = ctx.state;
          const key = ctx.getCurrentKey();
          const n = (counter.value() ?? 0) + 1;
          counter.update(n);
          list.add(e.v);
          max.add(e.v);
          agg.add(e.v);
          map.put(e.type, e.v);
          if (n % 5 === 0) {
            const entries = [...map.entries()].map(([type, v]) => `${type}=${v}`).sort();
            out.collect({ key, list: list.get(), max: max.get(), ...agg.get(), map: entries });
            list.update(list.get().slice(-2));
          }
          if (e.v !== 13) return;
          for (const state of [list, max, agg, map]) state.clear();
          const empty = list.get().length === 0 && map.isEmpty() ? 'yes' : 'no';
          out.collect({
            key,
            cleared: 'yes',
            max: String(max.get()),
            agg: agg.get() === null ? 'null' : 'something',
            empty,
          });
        },
      }),
    ),
  }),

  ds_timers_delete: ({ events }) => ({
    main: events!.keyBy('k').process(
      keyedProcess({
        state: { counts: mapState<number, number>() },
        processElement(e: Element, ctx, _out: Collector<unknown>) {
          const timers = ctx.timerService();
          const t = (Math.floor(e.ts / 10_000) + 1) * 10_000;
          if (e.v % 7 === 0) timers.deleteEventTimeTimer(t);
          else {
            timers.registerEventTimeTimer(t);
            timers.registerEventTimeTimer(t);
          }
          if (e.v % 11 === 0 && timers.currentWatermark() > MIN_WATERMARK)
            timers.registerEventTimeTimer(timers.currentWatermark() - 5);
          ctx.state.counts.put(t, (ctx.state.counts.get(t) ?? 0) + 1);
        },
        onTimer(at, ctx, out: Collector<unknown>) {
          const n = ctx.state.counts.get(at) ?? 'null';
          ctx.state.counts.remove(at);
          out.collect({ key: ctx.getCurrentKey(), timer: at, n, watermark: shown(ctx.currentWatermark()) });
          if (at % 30_000 === 0 && at < 1_704_100_000_000) ctx.timerService().registerEventTimeTimer(at + 15_000);
        },
      }),
    ),
  }),

  ds_tumbling_allowed_lateness: ({ events }) => {
    const main = sums(events!, 0, 30_000, LATE);
    const late = main.getSideOutput(LATE).map(({ id, k, ts, v }) => ({ id, k, ts, v }));
    return { main, late };
  },

  ds_tumbling_offset_no_lateness: ({ events }) => ({ main: sums(events!, 15_000, 0, LATE) }),

  ds_window_reduce: ({ events }) => {
    const main = events!
      .keyBy('k')
      .window(TumblingEventTimeWindows.of(60_000))
      .reduce((a, b) => (b.v > a.v ? b : a))
      .map(({ k, id, v }) => ({ k, id, v }));
    return { main };
  },

  ds_union_keyed_sum: ({ events, other }) => ({ main: sums(events!.union(other!), 0, 0, LATE) }),

  ds_p99_process_window: ({ events }) => ({
    main: events!
      .keyBy('k')
      .window(TumblingEventTimeWindows.of(120_000))
      .process((key, ctx, rows) => {
        const sorted = rows.map((e) => e.v).sort((a, b) => a - b);
        const p99 = sorted[Math.floor(sorted.length * 0.99)];
        return [{ key, start: ctx.window.start, end: ctx.window.end, n: sorted.length, p99 }];
      }),
  }),

  /** windowAll is a window over one key. */
  ds_window_all: ({ events }) => ({
    main: events!
      .keyBy(() => 'all')
      .window(TumblingEventTimeWindows.of(60_000))
      .aggregate(sumAndCount),
  }),
};

interface Case {
  readonly streams: Readonly<Record<string, readonly Element[]>>;
  readonly order: readonly string[];
  readonly expected: readonly string[];
}

function readCase(name: string): Case {
  const input = join(FOLDER, name, 'input');
  const files = readdirSync(input).filter((file) => file.endsWith('.jsonl'));
  const rowsOf = (path: string): unknown[] => lines(path).map((line): unknown => JSON.parse(line));
  const streams = Object.fromEntries(files.map((file) => [file.slice(0, -6), rowsOf(join(input, file)) as Element[]]));
  const orderFile = join(input, '_order.txt');
  const order = existsSync(orderFile)
    ? lines(orderFile)
    : Object.keys(streams).flatMap((stream) => streams[stream]!.map(() => stream));
  const expected = rowsOf(join(FOLDER, name, 'expected.jsonl')) as { at: number; stream: string; value: unknown }[];
  return { streams, order, expected: expected.map(({ at, stream, value }) => rowText(at, stream, value)).sort() };
}

const lines = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');

/** One row with what is compared: the epoch, the output, the value with its fields in order of name. */
function rowText(at: number, stream: string, value: unknown): string {
  const entries = Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${String(at).padStart(5)} ${stream} ${JSON.stringify(Object.fromEntries(entries))}`;
}

async function answer(name: string, { streams, order }: Case, subtasks: number): Promise<string[]> {
  const script = new RowScript(streams, order);
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Element>(5000).withTimestampAssigner((e) => e.ts);
  const run = await runInMemory(
    ({ env, sink }) => {
      const inputs = Object.keys(streams)
        .sort()
        .map((stream) => [stream, env.fromSource(script.source<Element>(stream), strategy, stream)] as const);
      for (const [output, rows] of Object.entries(PROGRAMS[name]!(Object.fromEntries(inputs))))
        rows.sinkTo(sink(output));
    },
    { rowsPerEpoch: 1, subtasks, onEpoch: script.epochCommitted },
  );
  expect(run.manifests).toHaveLength(order.length + Object.keys(streams).length);
  return run.sinks.flatMap((output) => run.rows(output).map((row) => rowText(row.epoch, output, row.value))).sort();
}

test('the conformance folder is there, or this is a machine of our users', () => {
  expect(PRESENT || process.env['CI'] === undefined, `${FOLDER}: set MILLRACE_CONFORMANCE`).toBe(true);
});

describe.skipIf(!PRESENT)(
  'the answers of Apache Flink 2.1 (needs ../shared/conformance or MILLRACE_CONFORMANCE)',
  () => {
    describe.each(Object.keys(PROGRAMS))('%s', (name) => {
      test.each(SUBTASKS)('with %i subtasks', async (subtasks) => {
        const given = readCase(name);
        expect(given.expected.length).toBeGreaterThan(0);
        expect(await answer(name, given, subtasks)).toEqual(given.expected);
      });
    });
  },
);
