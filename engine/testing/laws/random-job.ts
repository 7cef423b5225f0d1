/**
 * Random jobs for the laws: a job is data (`JobSpec`), so that fast-check can shrink it and a failure can be read. Sources are united, go
 * through stateless operators, then through one or two keyed stages; every output on the way has a sink of its own.
 */
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { aggregatingState, keyedProcess, listState, mapState, reducingState, valueState } from '../../api/functions.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import { schema, t } from '../../formats/schema.ts';
import { fixedDelay } from '../../model/restart-strategy.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { Collector } from '../../operators/collector.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { BoundedOutOfOrdernessWatermarks } from '../../time/watermark-generator.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import type { JobScope } from '../run-in-memory.ts';
import { SplitSource } from '../split-source.ts';
import type { Row } from './law-row.ts';
import {
  dealt,
  DEALINGS,
  isTwoInput,
  LATE,
  lateOf,
  oneInput,
  twoInputs,
  type Dealing,
  type MoreKeyed,
} from './random-operators.ts';

export type Stateless = 'map' | 'filter' | 'flatMap' | 'process';
export type Keying = 'field' | 'function' | 'number' | 'composite';
export type KeyedKind =
  | { readonly kind: 'reduce' | 'sum' | 'min' | 'max' | 'states' | 'buffer' }
  | {
      readonly kind: 'window';
      readonly form: 'aggregate' | 'function' | 'reduce' | 'process';
      readonly sizeMs: number;
      readonly offsetMs: number;
      readonly latenessMs: number;
      /** Of an aggregate: rows may be merged before a shuffle. */
      readonly early: boolean;
    };

interface StageSpec {
  readonly before: readonly (Stateless | Dealing)[];
  readonly keying: Keying;
  readonly keyed: KeyedKind | MoreKeyed;
  /** The second input of an operator that has one: rows of the stream, or what the sources say. */
  readonly other: 'odd rows' | 'sources';
}
export interface SourceSpec {
  readonly splits: readonly (readonly Row[])[];
  /** Rows of a declared schema, which the runtime reuses. */
  readonly lazy: boolean;
}
export interface JobSpec {
  readonly sources: readonly SourceSpec[];
  readonly delayMs: number;
  /** Watermarks come from the sources, or from an operator behind them. */
  readonly strategyAt: 'source' | 'operator';
  /** 'custom': a generator of the user's own that does the same; 'aligned': fast splits wait, where sources have the strategy. */
  readonly generator: 'built-in' | 'custom' | 'aligned';
  readonly stages: readonly StageSpec[];
  /** The second stage also reads the sources, or the first stage's side output. */
  readonly second: 'main' | 'with source' | 'with side';
  readonly maxParallelism: number;
  /** Partitions that rows are dealt out to. */
  readonly parallelism: number;
  /** Calls of a filter before each stage, counted over all attempts, at which it fails; null: there is no such filter. */
  readonly failAt: readonly number[] | null;
}

const ROW = schema({ id: t.string(), k: t.string(), v: t.number(), t: t.number() });
const SIDE = new OutputTag<Row>('side');
const OTHER = new OutputTag<Row>('other');
const BIG = new OutputTag<Row>('big');

function strategyOf({ delayMs, generator, strategyAt }: JobSpec): WatermarkStrategy<Row> {
  const plain =
    generator === 'custom'
      ? WatermarkStrategy.forGenerator<Row>(() => new BoundedOutOfOrdernessWatermarks(delayMs))
      : WatermarkStrategy.forBoundedOutOfOrderness<Row>(delayMs);
  const strategy = plain.withTimestampAssigner((row) => row.t);
  return generator === 'aligned' && strategyAt === 'source' ? strategy.withWatermarkAlignment('all', 30) : strategy;
}

export function buildJob(spec: JobSpec, { env, sink }: JobScope): void {
  env.setMaxParallelism(spec.maxParallelism);
  env.setParallelism(Math.min(spec.parallelism, spec.maxParallelism));
  env.setRestartStrategy(fixedDelay(100, 1));
  const strategy = strategyOf(spec);
  const atSource = spec.strategyAt === 'source' ? strategy : WatermarkStrategy.noWatermarks<Row>();
  const sources = spec.sources.map(({ splits, lazy }, i): DataStream<Row> => {
    const stream = env.fromSource<Row>(new SplitSource<Row>(splits, lazy ? ROW : null), atSource, `source ${i}`);
    return spec.strategyAt === 'source' ? stream : stream.assignTimestampsAndWatermarks(strategy);
  });
  const input = sources[0]!.union(...sources.slice(1));
  let calls = 0;
  const flaky = (rows: DataStream<Row>, failAt: readonly number[]): DataStream<Row> =>
    rows.filter(() => {
      if (failAt.includes(++calls)) throw new Error('fails once');
      return true;
    });
  let stream: DataStream<Row> = input;
  let side: DataStream<Row> | null = null;
  spec.stages.forEach((stage, i) => {
    if (i > 0 && spec.second === 'with source') stream = stream.union(input);
    if (i > 0 && spec.second === 'with side' && side !== null) stream = stream.union(side);
    if (spec.failAt !== null) stream = flaky(stream, spec.failAt);
    for (const operator of stage.before) stream = stateless(operator, stream, (rows) => rows.sinkTo(sink(`big-${i}`)));
    const out = operator(stage, stream, input);
    out.sinkTo(sink(`stage-${i}`));
    const sideOut = isPlain(stage.keyed) ? sideOf(out, stage.keyed) : lateOf(stage.keyed, out);
    sideOut?.sinkTo(sink(`side-${i}`));
    side = sideOut;
    stream = out;
  });
}

function operator(
  { keying, keyed, other }: StageSpec,
  stream: DataStream<Row>,
  sources: DataStream<Row>,
): SingleOutputStreamOperator<Row> {
  if (isPlain(keyed)) return keyedOperator(keyBy(keying, stream), keyed);
  if (!isTwoInput(keyed)) return oneInput(stream, keyBy(keying, stream), keyed);
  const isOdd = (row: Row): boolean => row.v % 2 !== 0;
  const left = other === 'sources' ? stream : stream.filter((row) => !isOdd(row));
  const right = other === 'sources' ? sources : stream.filter(isOdd);
  return twoInputs(keyed, left, right, (rows) => keyBy(keying, rows));
}

const PLAIN = ['reduce', 'sum', 'min', 'max', 'states', 'buffer', 'window'];

function isPlain(spec: KeyedKind | MoreKeyed): spec is KeyedKind {
  return PLAIN.includes(spec.kind);
}

function isDealing(op: Stateless | Dealing): op is Dealing {
  return (DEALINGS as readonly string[]).includes(op);
}

function stateless(
  operator: Stateless | Dealing,
  stream: DataStream<Row>,
  big: (rows: DataStream<Row>) => void,
): DataStream<Row> {
  if (isDealing(operator)) return dealt(operator, stream);
  switch (operator) {
    case 'map':
      // A lazy row has no fields of its own to spread.
      return stream.map(({ id, k, v, t: time }) => ({ id, k, v: v + 1, t: time }));
    case 'filter':
      return stream.filter((row) => row.v % 3 !== 0);
    case 'flatMap':
      return stream.flatMap(function* (row) {
        const { id, k, v, t: time } = row;
        for (let i = 0; i < v % 3; i++) yield { id: `${id}.${i}`, k, v, t: time };
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
      return keyed.reduce((a, b) => ({
        id: `${a.id}+${b.id}`.slice(-30),
        k: a.k,
        v: a.v + b.v,
        t: Math.max(a.t, b.t),
      }));
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

function windowed(
  keyed: KeyedStream<Row, unknown>,
  spec: Extract<KeyedKind, { kind: 'window' }>,
): SingleOutputStreamOperator<Row> {
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
    merge: (a: { n: number; sum: number; k: string }, b: { n: number; sum: number; k: string }) => ({
      n: a.n + b.n,
      sum: a.sum + b.sum,
      k: a.k > b.k ? a.k : b.k,
    }),
    preAggregate: spec.early,
  };
  switch (spec.form) {
    case 'aggregate':
      return stream.aggregate({ ...aggregate, getResult: (a): Row => ({ id: `n${a.n}`, k: a.k, v: a.sum, t: a.n }) });
    case 'function':
      return stream.aggregate({ ...aggregate, getResult: (a) => a }, (key, ctx, [a]) => [
        {
          id: `${JSON.stringify(key)} ${a!.n} ${spec.early ? ctx.currentWatermark() : ''}`,
          k: a!.k,
          v: a!.sum,
          t: ctx.window.start,
        },
      ]);
    case 'reduce':
      return stream.reduce((a, b) => (b.v > a.v || (b.v === a.v && b.id > a.id) ? b : a));
    case 'process':
      return stream.process((_key, ctx, rows) => {
        const ids = rows.map((row) => row.id).sort();
        return [
          { id: ids.join().slice(-40), k: rows.map((row) => row.k).sort()[0]!, v: rows.length, t: ctx.window.end },
        ];
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
      const n = count.value() + 1;
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
      if (row.v % 7 === 0 && timers.currentWatermark() > MIN_WATERMARK)
        timers.registerEventTimeTimer(timers.currentWatermark() - 3);
      if (row.v % 5 === 0) ctx.output(SIDE, { ...row, id: `${row.id}~${n}` });
      if (row.v % 4 === 1) ctx.output(OTHER, { ...row, id: `${row.id}=${n}` });
      if (row.v % 3 === 0) out.collect({ ...row, id: `${last.get().join()} ${[...byRest.entries()].join(';')}`, v: n });
    },
    onTimer(at, ctx, out: Collector<Row>) {
      const { count, last, byRest, max, sum } = ctx.state;
      const k = `k${Math.abs(at) % 6}`;
      out.collect({
        id: `${JSON.stringify(ctx.getCurrentKey())}@${at} ${ctx.currentWatermark()} ${max.get()} ${sum.get()}`,
        k,
        v: count.value(),
        t: at,
      });
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
