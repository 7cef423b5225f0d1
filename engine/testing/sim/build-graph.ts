/** The job graph of a spec, built with the public API. It holds nothing of a run: processes find their world by their clock. */
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import { keyedProcess, listState, mapState, valueState } from '../../api/functions.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { DeadLetter } from '../../model/bad-record.ts';
import type { Collector } from '../../operators/collector.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import type { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { exchanged } from './exchanges.ts';
import type { GraphSpec, KeyedSpec, StatelessSpec } from './graph-spec.ts';
import { isTwoInput } from './operator-specs.ts';
import {
  added,
  copies,
  goesAside,
  isOdd,
  isPoison,
  mapped,
  merged,
  NOTHING,
  passes,
  refuse,
  type Sum,
} from './row-functions.ts';
import type { Row } from './script.ts';
import { ScriptedSource } from './scripted-source.ts';
import { countWindowed, lateTag, panes } from './panes.ts';
import { SimSink } from './sim-sink.ts';
import { ttlCount } from './ttl-count.ts';
import { twoInputs } from './two-inputs.ts';
import { strategyOf } from './watermark-strategies.ts';

type Rows = DataStream<Row>;

export function buildGraph(job: string, spec: GraphSpec): JobGraph {
  const env = new StreamExecutionEnvironment(job);
  env.setMaxParallelism(spec.maxParallelism);
  env.setParallelism(spec.parallelism);
  const strategy = strategyOf(spec);
  const sources = spec.input.splits.map((_, i) =>
    env.fromSource<Row>(new ScriptedSource(i, spec.input.bounded), strategy, `Source ${i}`).uid(`source-${i}`),
  );
  let rows: Rows = sources.length === 1 ? sources[0]! : sources[0]!.union(...sources.slice(1));
  if (spec.selfUnion) rows = rows.union(sources[0]!);
  if (spec.poison > 0 && spec.poisonIn === 'map')
    rows = rows.map((row) => (isPoison(row, spec.poison) ? refuse(row, 'map') : row)).uid('poison');
  const side: Side = (stream, uid) => {
    stream.sinkTo(new SimSink(spec.sideSink)).uid(uid);
  };
  const stamp = strategyOf({ ...spec, alignMs: null });
  const asksPoison = spec.poisonIn === 'async' ? spec.poison : 0;
  rows = chain(rows, spec.pre, { name: 'pre', strategy: stamp, poison: asksPoison, side });
  if (spec.raw) side(rows, 'raw');
  const other = sources.at(-1)!;
  if (spec.main !== null) {
    const key = (row: Row): string =>
      spec.poison > 0 && spec.poisonIn === 'key' && isPoison(row, spec.poison) ? refuse(row, 'key') : row.k;
    const poison = spec.poisonIn === 'process' ? spec.poison : 0;
    rows = keyed({ rows, other, key, name: 'main', poison, side }, spec.main);
  }
  rows = chain(rows, spec.post, { name: 'post', strategy: stamp, poison: 0, side });
  if (spec.second !== null)
    rows = keyed({ rows, other, key: (row) => `${row.v % 3}`, name: 'second', poison: 0, side }, spec.second);
  rows.sinkTo(new SimSink(spec.sink)).uid('out');
  if (spec.letters) {
    const letters = env.deadLetters();
    if (spec.keyedLetters)
      side(
        letters
          .keyBy((letter) => `${letter.position % 2}`)
          .process(numbered())
          .uid('numbered'),
        'letters',
      );
    else side(letters, 'letters');
  }
  return env.toJobGraph();
}

type Side = <T>(stream: DataStream<T>, uid: string) => void;

interface ChainOf {
  readonly name: string;
  readonly strategy: WatermarkStrategy<Row>;
  /** Of requests. */
  readonly poison: number;
  readonly side: Side;
}

function chain(input: Rows, ops: readonly StatelessSpec[], { name, strategy, poison, side }: ChainOf): Rows {
  let rows = input;
  for (const [i, op] of ops.entries()) {
    const uid = `${name}-${i}`;
    switch (op) {
      case 'map':
        rows = rows.map(mapped).uid(uid);
        break;
      case 'filter':
        rows = rows.filter(passes).uid(uid);
        break;
      case 'flatMap':
        rows = rows.flatMap((row) => copies(row)).uid(uid);
        break;
      case 'stamp':
        rows = rows.assignTimestampsAndWatermarks(strategy).uid(uid);
        break;
      case 'process': {
        const tag = new OutputTag<Row>(uid);
        const main: SingleOutputStreamOperator<Row> = rows
          .process<Row>((row, ctx, out) => {
            if (goesAside(row)) ctx.output(tag, row);
            else out.collect(row);
          })
          .uid(uid);
        side(main.getSideOutput(tag), `side-${uid}`);
        rows = main;
        break;
      }
      default:
        rows = exchanged(rows, op, poison).uid(uid);
    }
  }
  return rows;
}

interface KeyedOf {
  readonly rows: Rows;
  /** A source, whose rows may be the second input. */
  readonly other: Rows;
  readonly key: (row: Row) => string;
  readonly name: string;
  readonly poison: number;
  readonly side: Side;
}

function keyed({ rows, other, key, name, poison, side }: KeyedOf, spec: KeyedSpec): Rows {
  const check = (row: Row): void => {
    if (isPoison(row, poison)) refuse(row, name);
  };
  if (isTwoInput(spec)) {
    const left = spec.other === 'odd' ? rows.filter((row) => !isOdd(row)) : rows;
    const right = spec.other === 'odd' ? rows.filter(isOdd) : other;
    return twoInputs(spec, name, { left, right, key, check, side });
  }
  if (spec.kind === 'count-window') return countWindowed(spec, { rows, key, name });
  if (spec.kind === 'panes') {
    const fired = panes(spec, { rows, key, name });
    if (spec.late) side(fired.getSideOutput(lateTag(name)), `late-${name}`);
    return fired;
  }
  const input = rows.keyBy(key);
  switch (spec.kind) {
    case 'ttl':
      return input.process(ttlCount(spec, check)).uid(name);
    case 'reduce':
      return input
        .reduce((a, b) => ({ ...a, ...added({ ids: a.ids, v: a.v, n: a.n, h: 'h' in a ? Number(a.h) : 0 }, b) }))
        .uid(name);
    case 'count':
      return input.process(countOf(check)).uid(name);
    case 'map-state':
      return input.process(shelvesOf(check)).uid(name);
    case 'buffer':
    case 'wait':
    case 'session':
      return input.process(bufferOf(spec.kind, spec.delayMs, check)).uid(name);
    case 'window':
      return windowed(input, spec, name, side);
  }
}

function windowed(
  input: KeyedStream<Row, string>,
  spec: KeyedSpec & { kind: 'window' },
  name: string,
  side: Side,
): Rows {
  const tag = new OutputTag<Row>(`late-${name}`);
  let windows = input.window(TumblingEventTimeWindows.of(spec.sizeMs)).allowedLateness(spec.latenessMs);
  if (spec.late) windows = windows.sideOutputLateData(tag);
  const result = (key: string, end: number, sum: Sum): Row => ({ ...sum, k: key, t: end - 1 });
  const rows = spec.list
    ? windows.process<Row>((key, ctx, all) => [
        result(key, ctx.window.end, (all as Iterable<Row> as Row[]).reduce(added, NOTHING)),
      ])
    : windows.aggregate<Sum, Sum, Row>(
        {
          createAccumulator: () => NOTHING,
          add: (row, sum) => (spec.early ? merged(sum, { ...row, h: row.v + 1 }) : added(sum, row)),
          getResult: (sum) => sum,
          merge: merged,
          preAggregate: spec.early,
        },
        (key, ctx, [sum]) => [result(key, ctx.window.end, sum!)],
      );
  rows.uid(name);
  if (spec.late) side(rows.getSideOutput(tag), `late-${name}`);
  return rows;
}

type Check = (row: Row) => void;

const countOf = (check: Check) =>
  keyedProcess({
    state: { seen: valueState<number>(), last: valueState<number>() },
    processElement(row: Row, ctx, out: Collector<Row>) {
      const n = (ctx.state.seen.value() ?? 0) + 1;
      ctx.state.seen.update(n);
      check(row);
      out.collect({ ...row, n, ...{ last: ctx.state.last.value() } });
      if (n % 3 === 0) ctx.state.last.clear();
      else ctx.state.last.update(row.v);
    },
  });

const numbered = () =>
  keyedProcess({
    state: { n: valueState<number>() },
    processElement(letter: DeadLetter, ctx, out: Collector<DeadLetter & { n: number }>) {
      const n = (ctx.state.n.value() ?? 0) + 1;
      ctx.state.n.update(n);
      out.collect({ ...letter, n });
    },
  });

/** Counts per shelf; a shelf with three is emptied (a removal in the log). */
const shelvesOf = (check: Check) =>
  keyedProcess({
    state: { shelves: mapState<string, number>() },
    processElement(row: Row, ctx, out: Collector<Row>) {
      const shelf = `${row.v % 4}`;
      const n = (ctx.state.shelves.get(shelf) ?? 0) + 1;
      check(row);
      if (n === 3) ctx.state.shelves.remove(shelf);
      else ctx.state.shelves.put(shelf, n);
      out.collect({ ...row, n });
    },
  });

const bufferOf = (kind: 'buffer' | 'wait' | 'session', delayMs: number, check: Check) =>
  keyedProcess({
    state: { rows: listState<Row>(), timer: valueState<number>() },
    processElement(row: Row, ctx, _out: Collector<Row>) {
      ctx.state.rows.add(row);
      check(row);
      const timers = ctx.timerService();
      if (kind === 'wait') {
        timers.registerProcessingTimeTimer(ctx.currentProcessingTime() + delayMs);
        return;
      }
      const before = ctx.state.timer.value();
      const time = row.t + delayMs - (kind === 'buffer' ? row.t % 100 : 0);
      if (kind === 'session' && before !== null) {
        if (before >= time) return;
        timers.deleteEventTimeTimer(before);
      }
      ctx.state.timer.update(time);
      timers.registerEventTimeTimer(time);
    },
    onTimer(time, ctx, out: Collector<Row>) {
      const all = [...ctx.state.rows.get()];
      if (all.length === 0) return;
      ctx.state.rows.clear();
      ctx.state.timer.clear();
      out.collect({
        ...all.reduce(added, NOTHING),
        k: ctx.getCurrentKey() as string,
        t: ctx.timeDomain === 'event-time' ? time : all[0]!.t,
      });
    },
  });
