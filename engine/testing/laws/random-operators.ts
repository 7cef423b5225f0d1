/**
 * Operators of random jobs beyond the plain ones: windows of all kinds, two inputs, broadcast state, time-to-live, partitions, requests.
 * Windows are those of the simulator (sim/pane-specs.ts).
 */
import { AsyncDataStream } from '../../api/async-data-stream.ts';
import { keyedBroadcastProcess } from '../../api/broadcast-functions.ts';
import { keyedCoProcess } from '../../api/co-functions.ts';
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { keyedProcess, listState, mapState, valueState } from '../../api/functions.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import type { Collector } from '../../operators/collector.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { MapStateDescriptor } from '../../state/descriptors.ts';
import { StateTtlConfig } from '../../state/ttl.ts';
import { TimeWindow, type Window } from '../../windows/time-window.ts';
import type { AssignerSpec, CountWindowSpec, PanesSpec } from '../sim/pane-specs.ts';
import { assigner, configured } from '../sim/panes.ts';
import type { Row } from './law-row.ts';
import { RunningCount } from './running-count.ts';

export const DEALINGS = ['rebalance', 'shuffle', 'global', 'custom', 'copies', 'async', 'count'] as const;
export type Dealing = (typeof DEALINGS)[number];

export type TwoInputKind =
  | { readonly kind: 'connect' | 'broadcast' }
  | { readonly kind: 'co-sums' | 'ruled-sums'; readonly bucketMs: number }
  | { readonly kind: 'interval-join'; readonly lowerMs: number; readonly upperMs: number }
  | { readonly kind: 'co-group' | 'join'; readonly windows: AssignerSpec };

export type MoreKeyed =
  | PanesSpec
  | CountWindowSpec
  | { readonly kind: 'ttl'; readonly ttlMs: number; readonly onRead: boolean }
  | TwoInputKind;

export const LATE = new OutputTag<Row>('late');
const LATE_RIGHT = new OutputTag<Row>('late-right');

type Rows = SingleOutputStreamOperator<Row>;

export function dealt(operator: Dealing, stream: DataStream<Row>): Rows {
  const same = (rows: DataStream<Row>): Rows => rows.map(({ id, k, v, t }) => ({ id, k, v, t }));
  switch (operator) {
    case 'rebalance':
      return same(stream.rebalance());
    case 'shuffle':
      return same(stream.shuffle());
    case 'global':
      return same(stream.global());
    case 'copies':
      return same(stream.broadcast());
    case 'custom':
      return same(
        stream.partitionCustom(
          (v: number, n) => Math.abs(v) % n,
          (row) => row.v,
        ),
      );
    case 'async':
      return AsyncDataStream.orderedWait(
        stream,
        async ({ id, k, v, t }) => (v % 4 === 3 ? [] : [{ id: `${id}?`, k, v, t }]),
        0,
        2,
      );
    case 'count':
      return stream.process(new RunningCount());
  }
}

export function isTwoInput(spec: { readonly kind: string }): spec is TwoInputKind {
  return ['connect', 'broadcast', 'co-sums', 'ruled-sums', 'interval-join', 'co-group', 'join'].includes(spec.kind);
}

/** Side output of late rows, if the operator has one. */
export function lateOf(spec: MoreKeyed, out: Rows): DataStream<Row> | null {
  if (spec.kind === 'interval-join') return out.getSideOutput(LATE).union(out.getSideOutput(LATE_RIGHT));
  return spec.kind === 'panes' && spec.late ? out.getSideOutput(LATE) : null;
}

export function oneInput(
  stream: DataStream<Row>,
  keyed: KeyedStream<Row, unknown>,
  spec: Exclude<MoreKeyed, TwoInputKind>,
): Rows {
  switch (spec.kind) {
    case 'ttl':
      return keyed.process(forgetful(spec.ttlMs, spec.onRead));
    case 'count-window':
      return spec.all
        ? stream
            .countWindowAll(spec.size, spec.slide ?? undefined)
            .process<Row>((_ctx, rows) => [ofWindow('all', null, rows, 0)])
        : keyed
            .countWindow(spec.size, spec.slide ?? undefined)
            .process<Row>((key, _ctx, rows) => [ofWindow(key, null, rows, 0)]);
    case 'panes':
      return panes(stream, keyed, spec);
  }
}

function panes(stream: DataStream<Row>, keyed: KeyedStream<Row, unknown>, spec: PanesSpec): Rows {
  const windows = assigner<Row>(spec.windows, (row) => row);
  if (spec.all)
    return configured(stream.windowAll(windows), spec, LATE).process<Row>((ctx, rows) => [
      ofWindow('all', ctx.window, rows, 0),
    ]);
  const windowed = configured(keyed.window(windows), spec, LATE);
  switch (spec.form) {
    case 'aggregate':
      return windowed.aggregate(
        {
          createAccumulator: () => ({ n: 0, sum: 0 }),
          add: (row: Row, a) => ({ n: a.n + 1, sum: a.sum + row.v }),
          getResult: (a) => a,
          merge: (a, b) => ({ n: a.n + b.n, sum: a.sum + b.sum }),
        },
        (key, { window }, [a]) => [{ ...ofWindow(key, window, [], a!.n), v: a!.sum }],
      );
    case 'reduce':
      return windowed.reduce(
        (a, b) => (b.v > a.v || (b.v === a.v && b.id > a.id) ? b : a),
        (key, { window }, [row]) => [{ ...ofWindow(key, window, [], 0), id: row!.id }],
      );
    case 'list':
      return windowed.process<Row>((key, { window }, rows) => [ofWindow(key, window, rows, 0)]);
  }
}

function ofWindow(key: unknown, window: Window | null, rows: readonly Row[], n: number): Row {
  const ids = rows.map((row) => row.id).sort();
  const t = window instanceof TimeWindow ? window.end : 0;
  return {
    id: `${JSON.stringify(key)} ${ids.join().slice(-60)}`,
    k: `k${(rows.length + n) % 6}`,
    v: rows.length + n,
    t,
  };
}

export function twoInputs(
  spec: TwoInputKind,
  left: DataStream<Row>,
  right: DataStream<Row>,
  keyBy: (stream: DataStream<Row>) => KeyedStream<Row, unknown>,
): Rows {
  switch (spec.kind) {
    case 'connect':
      return keyBy(left).connect(keyBy(right)).process(both());
    case 'co-sums':
      return keyBy(left).connect(keyBy(right)).process(coSums(spec.bucketMs));
    case 'broadcast':
      return keyBy(left).connect(right.broadcast(RULES)).process(ruled());
    case 'ruled-sums':
      return keyBy(left).connect(right.broadcast(TIMED)).process(ruledSums(spec.bucketMs));
    case 'interval-join':
      return keyBy(left)
        .intervalJoin(keyBy(right))
        .between(spec.lowerMs, spec.upperMs)
        .sideOutputLeftLateData(LATE)
        .sideOutputRightLateData(LATE_RIGHT)
        .process<Row>((a, b, ctx) => [pair(a, b, ctx.getTimestamp())]);
    case 'join':
      return left
        .join(right)
        .where('k')
        .equalTo('k')
        .window(assigner(spec.windows, ({ value }) => value))
        .apply((a, b) => pair(a, b, 0));
    case 'co-group':
      return left
        .coGroup(right)
        .where('k')
        .equalTo('k')
        .window(assigner(spec.windows, ({ value }) => value))
        .apply<Row>((some, others) => [
          { ...ofWindow('', null, some, 0), t: others.reduce((sum, row) => sum + row.v, 0) },
        ]);
  }
}

const pair = (a: Row, b: Row, t: number): Row => ({ id: `${a.id}&${b.id}`.slice(-40), k: a.k, v: a.v - b.v, t });

type Out = Collector<Row>;

const forgetful = (ttlMs: number, onRead: boolean) => {
  const builder = StateTtlConfig.newBuilder(ttlMs);
  const ttl = (onRead ? builder.updateTtlOnReadAndWrite() : builder).build();
  return keyedProcess({
    state: { n: valueState<number>({ ttl }), ids: listState<string>({ ttl }), rest: mapState<number, string>({ ttl }) },
    processElement({ id, k, v, t }: Row, ctx, out: Out) {
      const { n, ids, rest } = ctx.state;
      const count = (n.value() ?? 0) + 1;
      n.update(count);
      ids.add(id);
      if (v % 3 === 0) rest.remove(v % 5);
      else rest.put(v % 5, id);
      out.collect({ id: `${ids.get().slice(-2).join()};${[...rest.entries()].join()}`, k, v: count, t });
    },
  });
};

/** What came by either input, in the order in which it came. */
const both = () =>
  keyedCoProcess({
    state: { last: listState<string>(), n: valueState<number>({ defaultValue: 0 }) },
    processElement1({ id, k, v, t }: Row, ctx, out: Out) {
      ctx.state.last.add(id);
      ctx.state.n.update(ctx.state.n.value() + 1);
      ctx.timerService().registerEventTimeTimer(t + (v % 5) * 7);
      out.collect({ id: `1 ${ctx.state.last.get().slice(-3).join()}`, k, v: ctx.state.n.value(), t });
    },
    processElement2({ id, k, v, t }: Row, ctx, out: Out) {
      if (v % 3 === 0) ctx.state.last.clear();
      ctx.timerService().deleteEventTimeTimer(t + (v % 5) * 7);
      out.collect({ id: `2 ${id} ${ctx.state.last.get().slice(-3).join()}`, k, v: ctx.currentWatermark() % 1000, t });
    },
    onTimer(at, ctx, out: Out) {
      out.collect({ id: `timer ${ctx.state.last.get().slice(-2).join()}`, k: `k${Math.abs(at) % 6}`, v: 0, t: at });
      if (at % 4 === 0) ctx.state.n.clear();
    },
  });

const bucketOf = (ts: number, bucketMs: number): number => (Math.floor(ts / bucketMs) + 1) * bucketMs;

const coSums = (bucketMs: number) =>
  keyedCoProcess({
    state: { sums: mapState<number, number>() },
    processElement1(row: Row, ctx, _out: Out) {
      const at = bucketOf(ctx.timestamp()!, bucketMs);
      ctx.state.sums.put(at, (ctx.state.sums.get(at) ?? 0) + row.v);
      ctx.timerService().registerEventTimeTimer(at);
    },
    processElement2(row: Row, ctx, _out: Out) {
      const at = bucketOf(ctx.timestamp()!, bucketMs);
      ctx.state.sums.put(at, (ctx.state.sums.get(at) ?? 0) + 1000 * row.v);
      ctx.timerService().registerEventTimeTimer(at);
    },
    onTimer(at, ctx, out: Out) {
      const v = ctx.state.sums.get(at) ?? 0;
      ctx.state.sums.remove(at);
      out.collect({ id: `${JSON.stringify(ctx.getCurrentKey())}@${at}`, k: `k${Math.abs(at) % 6}`, v, t: at });
    },
  });

const RULES = new MapStateDescriptor<number, string>('rules');

const ruled = () =>
  keyedBroadcastProcess({
    state: { n: valueState<number>({ defaultValue: 0 }) },
    processElement({ k, v, t }: Row, ctx, out: Out) {
      ctx.state.n.update(ctx.state.n.value() + 1);
      const rules = [...ctx.getBroadcastState(RULES).entries()].join(';');
      ctx.timerService().registerEventTimeTimer(t + (v % 4) * 9);
      out.collect({ id: `${rules} ${ctx.state.n.value()}`, k, v, t });
    },
    processBroadcastElement({ id, k, v, t }: Row, ctx, out: Out) {
      const rules = ctx.getBroadcastState(RULES);
      if (v % 5 === 0) rules.remove(v % 4);
      else rules.put(v % 4, id);
      if (v % 3 === 0)
        ctx.applyToKeyedState(ctx.state.n, (key, n) => {
          n.update((n.value() ?? 0) + 10);
          out.collect({ id: `${JSON.stringify(key)} ${n.value()}`, k, v, t });
        });
      out.collect({ id: `rule ${id} ${ctx.currentWatermark() % 1000}`, k, v, t });
    },
    onTimer(at, ctx, out: Out) {
      const rules = [...ctx.getBroadcastState(RULES).keys()].join();
      out.collect({ id: `${JSON.stringify(ctx.getCurrentKey())} ${rules}`, k: 'k0', v: ctx.state.n.value(), t: at });
    },
  });

const TIMED = new MapStateDescriptor<string, readonly [ts: number, v: number]>('timed');

/** The rules of the two buckets up to the timer: event time only. */
const ruledSums = (bucketMs: number) =>
  keyedBroadcastProcess({
    state: { sums: mapState<number, number>() },
    processElement(row: Row, ctx, _out: Out) {
      const at = bucketOf(ctx.timestamp()!, bucketMs);
      ctx.state.sums.put(at, (ctx.state.sums.get(at) ?? 0) + row.v);
      ctx.timerService().registerEventTimeTimer(at);
    },
    processBroadcastElement(row: Row, ctx, _out: Out) {
      const ts = ctx.timestamp()!;
      ctx.getBroadcastState(TIMED).put(`${row.id} ${row.v} ${ts}`, [ts, row.v]);
    },
    onTimer(at, ctx, out: Out) {
      let rules = 0;
      for (const [ts, v] of ctx.getBroadcastState(TIMED).values()) if (ts <= at && ts > at - 2 * bucketMs) rules += v;
      const v = ctx.state.sums.get(at) ?? 0;
      ctx.state.sums.remove(at);
      out.collect({ id: `${JSON.stringify(ctx.getCurrentKey())}@${at} ${rules}`, k: `k${Math.abs(at) % 6}`, v, t: at });
    },
  });
