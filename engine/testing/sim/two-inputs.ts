/** Operators of simulated jobs with two inputs: connected streams, interval joins, broadcast state. */
import { keyedBroadcastProcess } from '../../api/broadcast-functions.ts';
import { keyedCoProcess } from '../../api/co-functions.ts';
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { listState, mapState, valueState } from '../../api/functions.ts';
import type { TaggedUnion } from '../../api/tagged-union.ts';
import type { Collector } from '../../operators/collector.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { MapStateDescriptor } from '../../state/descriptors.ts';
import type { TwoInputSpec } from './operator-specs.ts';
import { assigner } from './panes.ts';
import { added, bucketOf, cameBy, grouped, joined, NOTHING, ruleKey, type Sum } from './row-functions.ts';
import type { Row } from './script.ts';

export interface TwoInputs {
  readonly left: DataStream<Row>;
  readonly right: DataStream<Row>;
  readonly key: (row: Row) => string;
  /** Throws at rows that user code refuses. */
  readonly check: (row: Row) => void;
  readonly side: (rows: DataStream<Row>, uid: string) => void;
}

export function twoInputs(spec: TwoInputSpec, name: string, inputs: TwoInputs): SingleOutputStreamOperator<Row> {
  const { right, key, check } = inputs;
  const left = inputs.left.keyBy(key);
  switch (spec.kind) {
    case 'co-count':
      return left.connect(right.keyBy(key)).process(coCount(check)).uid(name);
    case 'co-buffer':
      return left.connect(right.keyBy(key)).process(coBuffer(spec.bucketMs, check)).uid(name);
    case 'interval-join':
      return intervalJoin(spec, name, inputs);
    case 'co-group':
    case 'window-join':
      return windowJoin(spec, inputs).uid(name);
    case 'broadcast':
      return left.connect(right.broadcast(RULES)).process(ruled()).uid(name);
    case 'broadcast-buffer':
      return left.connect(right.broadcast(TIMED_RULES)).process(ruledByTime(spec.bucketMs)).uid(name);
  }
}

type Check = (row: Row) => void;

/** One row for each row, with how many came by either input. */
const coCount = (check: Check) =>
  keyedCoProcess({
    state: { first: valueState<number>(), second: valueState<number>() },
    processElement1(row: Row, ctx, out: Collector<Row>) {
      const n = (ctx.state.first.value() ?? 0) + 1;
      ctx.state.first.update(n);
      check(row);
      out.collect({ ...cameBy(row, 1), n: n * 1000 + (ctx.state.second.value() ?? 0) });
    },
    processElement2(row: Row, ctx, out: Collector<Row>) {
      const n = (ctx.state.second.value() ?? 0) + 1;
      if (n % 4 === 0) ctx.state.first.clear();
      ctx.state.second.update(n);
      check(row);
      out.collect({ ...cameBy(row, 2), n });
    },
  });

const coBuffer = (bucketMs: number, check: Check) =>
  keyedCoProcess({
    state: { sums: mapState<number, Sum>() },
    processElement1(row: Row, ctx, _out: Collector<Row>) {
      const bucket = bucketOf(ctx.timestamp()!, bucketMs);
      ctx.state.sums.put(bucket, added(ctx.state.sums.get(bucket) ?? NOTHING, cameBy(row, 1)));
      check(row);
      ctx.timerService().registerEventTimeTimer(bucket);
    },
    processElement2(row: Row, ctx, _out: Collector<Row>) {
      const bucket = bucketOf(ctx.timestamp()!, bucketMs);
      ctx.state.sums.put(bucket, added(ctx.state.sums.get(bucket) ?? NOTHING, cameBy(row, 2)));
      check(row);
      ctx.timerService().registerEventTimeTimer(bucket);
    },
    onTimer(bucket, ctx, out: Collector<Row>) {
      const sum = ctx.state.sums.get(bucket);
      if (sum === null) return;
      ctx.state.sums.remove(bucket);
      out.collect({ ...sum, k: ctx.getCurrentKey() as string, t: bucket });
    },
  });

function intervalJoin(
  spec: TwoInputSpec & { kind: 'interval-join' },
  name: string,
  { left, right, key, side }: TwoInputs,
): SingleOutputStreamOperator<Row> {
  const lateLeft = new OutputTag<Row>(`late-${name}`);
  const lateRight = new OutputTag<Row>(`late-${name}-right`);
  let join = left.keyBy(key).intervalJoin(right.keyBy(key)).between(spec.lowerMs, spec.upperMs);
  if (spec.late) join = join.sideOutputLeftLateData(lateLeft).sideOutputRightLateData(lateRight);
  const rows = join
    .process<Row>((a, b, ctx, out) => {
      out.collect(joined(a, b, ctx.getTimestamp()));
    })
    .uid(name);
  if (spec.late) {
    side(rows.getSideOutput(lateLeft), `late-${name}`);
    side(rows.getSideOutput(lateRight), `late-${name}-right`);
  }
  return rows;
}

const taggedRow = ({ value }: TaggedUnion<Row, Row>): Row => value;

function windowJoin(
  { kind, windows }: TwoInputSpec & { kind: 'co-group' | 'window-join' },
  { left, right, key }: TwoInputs,
): SingleOutputStreamOperator<Row> {
  if (kind === 'window-join')
    return left
      .join(right)
      .where(key)
      .equalTo(key)
      .window(assigner(windows, taggedRow))
      .apply((a, b) => joined(a, b, Math.max(a.t, b.t)));
  return left
    .coGroup(right)
    .where(key)
    .equalTo(key)
    .window(assigner(windows, taggedRow))
    .apply<Row>((some, others) => [grouped(some, others)]);
}

const RULES = new MapStateDescriptor<string, number>('rules');

/** `h` depends on the broadcast state and its order, `n` on what broadcast rows have done to the keyed one. */
const ruled = () =>
  keyedBroadcastProcess({
    state: { seen: valueState<number>() },
    processElement(row: Row, ctx, out: Collector<Row>) {
      const n = (ctx.state.seen.value() ?? 0) + 1;
      ctx.state.seen.update(n);
      let h = 0;
      for (const [rule, times] of ctx.getBroadcastState(RULES).immutableEntries())
        h = (h * 31 + times * (rule.length + 1)) % 100_003;
      out.collect({ ...row, n, ...{ h } });
    },
    processBroadcastElement(row: Row, ctx, out: Collector<Row>) {
      const rules = ctx.getBroadcastState(RULES);
      const rule = 'r'.repeat(row.v % 3);
      const times = (rules.get(rule) ?? 0) + 1;
      if (times === 3) rules.remove(rule);
      else rules.put(rule, times);
      if (row.v % 4 === 0)
        ctx.applyToKeyedState(ctx.state.seen, (_key, seen) => seen.update((seen.value() ?? 0) + 100));
      out.collect({ ...row, k: 'b' });
    },
  });

const TIMED_RULES = new MapStateDescriptor<string, readonly [ts: number, v: number]>('timed-rules');

const ruledByTime = (bucketMs: number) =>
  keyedBroadcastProcess({
    state: { rows: listState<Row>() },
    processElement(row: Row, ctx, _out: Collector<Row>) {
      ctx.state.rows.add({ ...row, t: bucketOf(ctx.timestamp()!, bucketMs) });
      ctx.timerService().registerEventTimeTimer(bucketOf(ctx.timestamp()!, bucketMs));
    },
    processBroadcastElement(row: Row, ctx, _out: Collector<Row>) {
      ctx.getBroadcastState(TIMED_RULES).put(ruleKey(row), [ctx.timestamp()!, row.v]);
    },
    onTimer(bucket, ctx, out: Collector<Row>) {
      const all = ctx.state.rows.get();
      const due = all.filter((row) => row.t === bucket);
      if (due.length === 0) return;
      ctx.state.rows.update(all.filter((row) => row.t !== bucket));
      let v = 0;
      for (const [, [ts, value]] of ctx.getBroadcastState(TIMED_RULES).immutableEntries())
        if (ts <= bucket && ts > bucket - 3 * bucketMs) v += value;
      const sum = due.reduce(added, NOTHING);
      out.collect({ ...sum, k: ctx.getCurrentKey() as string, v, t: bucket });
    },
  });
