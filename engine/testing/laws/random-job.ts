/**
 * Random jobs for the laws: a job is data (`JobSpec`), so that fast-check can shrink it and a failure can be read. Sources are united, go
 * through stateless operators, then through one or two keyed stages; every output on the way has a sink of its own.
 */
import fc from 'fast-check';
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { aggregatingState, keyedProcess, listState, mapState, reducingState, valueState } from '../../api/functions.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import { DataGeneratorSource } from '../../connectors/datagen/data-generator-source.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import type { Collector } from '../../operators/collector.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import type { JobScope } from '../run-in-memory.ts';

export interface Row {
  readonly id: string;
  readonly k: string;
  readonly v: number;
  /** Event time, milliseconds. */
  readonly t: number;
}

type Stateless = 'map' | 'filter' | 'flatMap' | 'process';
type Keying = 'field' | 'function' | 'number' | 'composite';
export type KeyedKind =
  | { readonly kind: 'reduce' | 'sum' | 'min' | 'max' | 'states' | 'buffer' }
  | {
      readonly kind: 'window';
      readonly form: 'aggregate' | 'function' | 'reduce' | 'process';
      readonly sizeMs: number;
      readonly offsetMs: number;
      readonly latenessMs: number;
    };

interface StageSpec {
  readonly before: readonly Stateless[];
  readonly keying: Keying;
  readonly keyed: KeyedKind;
}
export interface SourceSpec {
  readonly rows: readonly Row[];
  /** 0: a collection, which has one split. */
  readonly splits: number;
}
export interface JobSpec {
  readonly sources: readonly SourceSpec[];
  readonly delayMs: number;
  /** Watermarks come from the sources, or from an operator behind them. */
  readonly strategyAt: 'source' | 'operator';
  readonly stages: readonly StageSpec[];
  /** The second stage also reads the sources, or the first stage's side output. */
  readonly second: 'main' | 'with source' | 'with side';
  readonly maxParallelism: number;
}

const DELAY_MS = 20;
const SIDE = new OutputTag<Row>('side');
const OTHER = new OutputTag<Row>('other');
const LATE = new OutputTag<Row>('late');
const BIG = new OutputTag<Row>('big');

/** `late`: rows may be behind their split's watermark; `any`: operators whose answer depends on the order of arrival too. */
export function jobSpec(allow: { readonly late: boolean; readonly any: boolean }): fc.Arbitrary<JobSpec> {
  const stateless = fc.array(fc.constantFrom<Stateless>('map', 'filter', 'flatMap', 'process'), { maxLength: 2 });
  const window = fc.record({
    kind: fc.constant('window' as const),
    form: fc.constantFrom('aggregate' as const, 'function' as const, 'reduce' as const, 'process' as const),
    sizeMs: fc.constantFrom(7, 10, 50),
    offsetMs: fc.constantFrom(0, 3, -2),
    latenessMs: fc.constantFrom(0, 0, 15, 60),
  });
  const simple = allow.any ? (['reduce', 'sum', 'min', 'max', 'states', 'states', 'buffer'] as const) : (['buffer'] as const);
  const keyed: fc.Arbitrary<KeyedKind> = fc.oneof(
    fc.constantFrom(...simple).map((kind) => ({ kind })),
    window,
  );
  const stage = fc.record({
    before: stateless,
    keying: fc.constantFrom<Keying>('field', 'function', 'number', 'composite'),
    keyed,
  });
  return fc.record({
    sources: fc.array(source(allow.late), { minLength: 1, maxLength: 3 }),
    delayMs: fc.constant(DELAY_MS),
    strategyAt: fc.constantFrom('source' as const, 'source' as const, 'operator' as const),
    stages: fc.array(stage, { minLength: 1, maxLength: 2 }),
    second: fc.constantFrom('main' as const, 'with source' as const, 'with side' as const),
    maxParallelism: fc.constantFrom(1, 3, 8, 128),
  });
}

/** Rows in rising time, each pushed back by at most the delay (or, if late ones are allowed, more); splits apart by a skew. */
function source(late: boolean): fc.Arbitrary<SourceSpec> {
  const back = late ? fc.oneof({ weight: 6, arbitrary: fc.nat(DELAY_MS) }, { weight: 1, arbitrary: fc.nat(6 * DELAY_MS) }) : fc.nat(DELAY_MS);
  const step = fc.record({ ahead: fc.nat(12), back, k: fc.nat(5), v: fc.nat(20) });
  return fc
    .record({ steps: fc.array(step, { maxLength: 40 }), splits: fc.nat(3), from: fc.integer({ min: -100, max: 100 }), skew: fc.constantFrom(0, 0, 30, 200) })
    .chain(({ steps, splits, from, skew }) =>
      fc.nat(1000).map((name) => {
        let time = from;
        const rows = steps.map(({ ahead, back: behind, k, v }, i): Row => {
          time += ahead;
          return { id: `${name}-${i}`, k: `k${k}`, v, t: time - behind + (splits > 1 ? (i % splits) * skew : 0) };
        });
        return { rows, splits };
      }),
    );
}

/** The key group of a row that a stage emitted is that of its `k`, where the stage is keyed by it. */
export const keyOfRow = (row: Row): string => row.k;

export function buildJob(spec: JobSpec, { env, sink }: JobScope): void {
  env.setMaxParallelism(spec.maxParallelism);
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(spec.delayMs).withTimestampAssigner((row) => row.t);
  const atSource = spec.strategyAt === 'source' ? strategy : WatermarkStrategy.noWatermarks<Row>();
  const sources = spec.sources.map(({ rows, splits }, i): DataStream<Row> => {
    const made = splits === 0 ? new CollectionSource(rows) : new DataGeneratorSource({ generator: (at) => rows[at]!, count: rows.length, splits });
    const stream = env.fromSource(made, atSource, `source ${i}`);
    return spec.strategyAt === 'source' ? stream : stream.assignTimestampsAndWatermarks(strategy);
  });
  const input = sources[0]!.union(...sources.slice(1));
  let stream = input;
  let side: DataStream<Row> | null = null;
  spec.stages.forEach((stage, i) => {
    if (i > 0 && spec.second === 'with source') stream = stream.union(input);
    if (i > 0 && spec.second === 'with side' && side !== null) stream = stream.union(side);
    for (const operator of stage.before) stream = stateless(operator, stream, (rows) => rows.sinkTo(sink(`big-${i}`)));
    const out = keyedOperator(keyBy(stage.keying, stream), stage.keyed);
    out.sinkTo(sink(`stage-${i}`));
    const sideOut = sideOf(out, stage.keyed);
    sideOut?.sinkTo(sink(`side-${i}`));
    side = sideOut;
    stream = out;
  });
}

function stateless(operator: Stateless, stream: DataStream<Row>, big: (rows: DataStream<Row>) => void): DataStream<Row> {
  switch (operator) {
    case 'map':
      return stream.map((row) => ({ ...row, v: row.v + 1 }));
    case 'filter':
      return stream.filter((row) => row.v % 3 !== 0);
    case 'flatMap':
      return stream.flatMap(function* (row) {
        for (let i = 0; i < row.v % 3; i++) yield { ...row, id: `${row.id}.${i}` };
      });
    case 'process': {
      const out = stream.process((row: Row, ctx, collect: Collector<Row>) => {
        if (row.v > 10) ctx.output(BIG, { ...row, id: `${row.id} ${ctx.timestamp()}` });
        collect.collect(row);
        if (row.v === 7) collect.collect({ ...row, id: `${row.id}'` });
      });
      big(out.getSideOutput(BIG));
      return out;
    }
  }
}

function keyBy(keying: Keying, stream: DataStream<Row>): KeyedStream<Row, unknown> {
  switch (keying) {
    case 'field':
      return stream.keyBy('k');
    case 'function':
      return stream.keyBy((row) => row.k);
    case 'number':
      return stream.keyBy((row) => row.k.length + (row.k.charCodeAt(1) % 3));
    case 'composite':
      return stream.keyBy((row) => [row.k, { odd: Math.abs(row.v) % 2 === 1 }]);
  }
}

function sideOf(out: SingleOutputStreamOperator<Row>, { kind }: KeyedKind): DataStream<Row> | null {
  if (kind === 'window') return out.getSideOutput(LATE);
  return kind === 'states' ? out.getSideOutput(SIDE).union(out.getSideOutput(OTHER)) : null;
}

function keyedOperator(keyed: KeyedStream<Row, unknown>, spec: KeyedKind): SingleOutputStreamOperator<Row> {
  switch (spec.kind) {
    case 'reduce':
      return keyed.reduce((a, b) => ({ id: `${a.id}+${b.id}`.slice(-30), k: a.k, v: a.v + b.v, t: Math.max(a.t, b.t) }));
    case 'sum':
      return keyed.sum('v');
    case 'min':
      return keyed.min('t');
    case 'max':
      return keyed.max('v');
    case 'states':
      return keyed.process(allStates());
    case 'buffer':
      return keyed.process(sumsByTime());
    case 'window':
      return windowed(keyed, spec);
  }
}

function windowed(keyed: KeyedStream<Row, unknown>, spec: Extract<KeyedKind, { kind: 'window' }>): SingleOutputStreamOperator<Row> {
  const stream = keyed
    .window(TumblingEventTimeWindows.of(spec.sizeMs, spec.offsetMs))
    .allowedLateness(spec.latenessMs)
    .sideOutputLateData(LATE);
  const aggregate = {
    createAccumulator: () => ({ n: 0, sum: 0, k: '' }),
    add: (row: Row, a: { n: number; sum: number; k: string }) => {
      a.n++;
      a.sum += row.v;
      if (row.k > a.k) a.k = row.k;
      return a;
    },
  };
  switch (spec.form) {
    case 'aggregate':
      return stream.aggregate({ ...aggregate, getResult: (a): Row => ({ id: `n${a.n}`, k: a.k, v: a.sum, t: a.n }) });
    case 'function':
      return stream.aggregate({ ...aggregate, getResult: (a) => a }, (key, ctx, [a]) => [
        { id: `${JSON.stringify(key)} ${a!.n}`, k: a!.k, v: a!.sum, t: ctx.window.start },
      ]);
    case 'reduce':
      return stream.reduce((a, b) => (b.v > a.v || (b.v === a.v && b.id > a.id) ? b : a));
    case 'process':
      return stream.process((_key, ctx, rows) => {
        const ids = rows.map((row) => row.id).sort();
        return [{ id: ids.join().slice(-40), k: rows.map((row) => row.k).sort()[0]!, v: rows.length, t: ctx.window.end }];
      });
  }
}

/** State of all five kinds, timers in the past and in the future, registered twice and deleted, and a side output. */
function allStates(): ReturnType<typeof keyedProcess<unknown, Row, Row, never>> {
  return keyedProcess({
    state: {
      count: valueState<number>({ defaultValue: 0 }),
      last: listState<string>(),
      byRest: mapState<number, number>(),
      max: reducingState<number>((a, b) => Math.max(a, b)),
      sum: aggregatingState({
        createAccumulator: () => ({ sum: 0 }),
        add: (v: number, a: { sum: number }) => ({ sum: a.sum + v }),
        getResult: (a: { sum: number }) => a.sum,
      }),
    },
    processElement(row: Row, ctx, out: Collector<Row>) {
      const { count, last, byRest, max, sum } = ctx.state;
      const n = count.value()! + 1;
      count.update(n);
      last.add(row.id);
      if (last.get().length > 3) last.update(last.get().slice(1));
      if (byRest.contains(row.v % 4) && row.v % 2 === 0) byRest.remove(row.v % 4);
      byRest.put(row.v % 4, n);
      max.add(row.v);
      sum.add(row.v);
      const timers = ctx.timerService();
      const at = row.t + (row.v % 5) * 7;
      if (row.v % 4 === 0) timers.deleteEventTimeTimer(at);
      else {
        timers.registerEventTimeTimer(at);
        timers.registerEventTimeTimer(at);
      }
      if (row.v % 7 === 0 && timers.currentWatermark() > MIN_WATERMARK) timers.registerEventTimeTimer(timers.currentWatermark() - 3);
      if (row.v % 5 === 0) ctx.output(SIDE, { ...row, id: `${row.id}~${n}` });
      if (row.v % 4 === 1) ctx.output(OTHER, { ...row, id: `${row.id}=${n}` });
      if (row.v % 3 === 0) out.collect({ ...row, id: `${last.get().join()} ${[...byRest.entries()].join(';')}`, v: n });
    },
    onTimer(at, ctx, out: Collector<Row>) {
      const { count, last, byRest, max, sum } = ctx.state;
      const k = `k${Math.abs(at) % 6}`;
      out.collect({ id: `${JSON.stringify(ctx.getCurrentKey())}@${at} ${ctx.currentWatermark()} ${max.get()} ${sum.get()}`, k, v: count.value()!, t: at });
      if (at % 2 === 0) ctx.timerService().registerEventTimeTimer(at + 5);
      if (at % 3 === 0) for (const state of [last, byRest, max, sum]) state.clear();
      if (at % 11 === 0) count.clear();
      if (at % 5 === 0) ctx.output(SIDE, { id: `timer ${at}`, k, v: 1, t: at });
    },
  }) as never;
}

/** Sums of the rows of one timestamp, emitted by a timer: its answer depends on event time only. */
function sumsByTime(): ReturnType<typeof keyedProcess<unknown, Row, Row, never>> {
  return keyedProcess({
    state: { sums: mapState<number, number>() },
    processElement(row: Row, ctx, _out: Collector<Row>) {
      const at = ctx.timestamp()!;
      ctx.state.sums.put(at, (ctx.state.sums.get(at) ?? 0) + row.v);
      ctx.timerService().registerEventTimeTimer(at);
    },
    onTimer(at, ctx, out: Collector<Row>) {
      const { sums } = ctx.state;
      const v = sums.get(at) ?? 0;
      sums.remove(at);
      out.collect({ id: `${JSON.stringify(ctx.getCurrentKey())}@${at}`, k: `k${Math.abs(at) % 6}`, v, t: at });
      if (at % 3 !== 0 || v > 100) return;
      sums.put(at + 10, (sums.get(at + 10) ?? 0) + 1);
      ctx.timerService().registerEventTimeTimer(at + 10);
    },
  }) as never;
}
