/** User code that changes what it was given, never ends, answers with promises, or is not what it should be: found, and said early. */
import { describe, expect, test } from 'vitest';
import { AsyncDataStream } from '../../api/async-data-stream.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import { keyedProcess, KeyedProcessFunction, ProcessFunction, valueState } from '../../api/functions.ts';
import type {
  CheckpointedFunction,
  FunctionInitializationContext,
} from '../../operators/checkpointed-process-operator.ts';
import type { Collector } from '../../operators/collector.ts';
import { FixedDelayRetryStrategyBuilder } from '../../operators/async-retry.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { schema, t, type RowOf } from '../../formats/schema.ts';
import { ListStateDescriptor } from '../../state/descriptors.ts';
import type { ListState } from '../../state/states.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { EventTimeSessionWindows } from '../../windows/session-windows.ts';
import type { TimeWindow } from '../../windows/time-window.ts';
import type { WindowAssigner } from '../../windows/window-assigner.ts';
import { SplitSource } from '../split-source.ts';
import { runInMemory, type InMemoryOptions } from '../run-in-memory.ts';

const timed = WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n);

class Keyed extends KeyedProcessFunction<string, number, number> {
  processElement(n: number, _ctx: unknown, out: Collector<number>): void {
    out.collect(n);
  }
}

describe('refused before anything runs', () => {
  const on =
    (build: (rows: DataStream<number>) => unknown): (() => unknown) =>
    () =>
      build(StreamExecutionEnvironment.getExecutionEnvironment().fromData(1));

  test('a keyed function on a stream without keys', () => {
    expect(on((rows) => rows.process(new Keyed() as never))).toThrow(/keyBy/);
    const definition = { state: {}, processElement: () => undefined };
    expect(on((rows) => rows.process(definition as never))).toThrow(/keyBy/);
    expect(on((rows) => rows.process(undefined as never))).toThrow(/takes a ProcessFunction/);
  });
});

test('a promise as the result of a window', async () => {
  const run = runInMemory(({ env, sink }) => {
    env
      .fromData(1, 2)
      .assignTimestampsAndWatermarks(timed)
      .keyBy(() => 'k')
      .window(TumblingEventTimeWindows.of(10))
      .aggregate({ createAccumulator: () => 0, add: (n, sum) => n + sum, getResult: (sum) => Promise.resolve(sum) })
      .sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/returned a promise/);
});

test.each<[string, InMemoryOptions]>([
  ['one epoch', {}],
  ['an epoch a row', { rowsPerEpoch: 1 }],
  ['two workers', { workers: 2 }],
])('a rolling reduce that changes its first argument, %s', async (_name, options) => {
  const run = await runInMemory(({ env, sink }) => {
    env
      .fromData(...[1, 2, 3, 4].map((v) => ({ k: 'a', v })))
      .keyBy('k')
      .reduce((a, b) => {
        a.v += b.v;
        return a;
      })
      .map((row) => row.v)
      .sinkTo(sink('out'));
  }, options);
  expect(run.values('out')).toEqual([1, 3, 6, 10]);
});

test('rows of fromData that a function changes are whole when the epoch runs again', async () => {
  let failures = 1;
  const run = await runInMemory(({ env, sink }) => {
    env
      .fromData({ v: 1 }, { v: 2 })
      .map((row) => {
        row.v += 10;
        if (row.v === 12 && failures-- > 0) throw new Error('once');
        return row.v;
      })
      .sinkTo(sink('out'));
  });
  expect(run.values('out')).toEqual([11, 12]);
});

test('a timer by the clock that sets itself anew fires once an epoch', async () => {
  let fired = 0;
  await runInMemory(
    ({ env, sink }) => {
      env
        .fromData(1, 2, 3, 4)
        .keyBy(() => 'k')
        .process(
          keyedProcess({
            state: { seen: valueState<number>() },
            processElement: (_n: number, ctx, _out: Collector<number>) =>
              ctx.timerService().registerProcessingTimeTimer(ctx.currentProcessingTime()),
            onTimer(_time, ctx, out) {
              out.collect(++fired);
              ctx.timerService().registerProcessingTimeTimer(ctx.currentProcessingTime());
            },
          }),
        )
        .sinkTo(sink('out'));
    },
    { rowsPerEpoch: 1 },
  );
  expect(fired).toBeGreaterThan(0);
  expect(fired).toBeLessThan(10);
});

test('a retry predicate that throws fails the request', async () => {
  const run = runInMemory(({ env, sink }) => {
    const retry = new FixedDelayRetryStrategyBuilder<number>(3, 1)
      .ifResult(() => {
        throw new Error('bad predicate');
      })
      .build();
    AsyncDataStream.orderedWaitWithRetry(env.fromData(1), async (n) => [n], 1000, 1, retry).sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/bad predicate/);
});

class Counting extends ProcessFunction<number, number> implements CheckpointedFunction {
  static snapshots = 0;
  private state!: ListState<number>;
  initializeState(ctx: FunctionInitializationContext): void {
    this.state = ctx.getOperatorStateStore().getListState(new ListStateDescriptor<number>('seen'));
  }
  snapshotState(): void {
    Counting.snapshots++;
    this.state.update([1]);
  }
  processElement(n: number, _ctx: ProcessContext, out: Collector<number>): void {
    out.collect(n);
  }
}

test('a CheckpointedFunction without new rows writes nothing', async () => {
  Counting.snapshots = 0;
  await runInMemory(
    ({ env, sink }) => {
      env.fromData(1).process(new Counting()).sinkTo(sink('out'));
      env.fromData(1, 2, 3, 4, 5, 6).sinkTo(sink('other'));
    },
    { rowsPerEpoch: 2 },
  );
  expect(Counting.snapshots).toBe(1);
});

/** Rows as a file with a declared schema gives them: one reused view. */
describe('an aggregate that keeps the reused row of a declared schema', () => {
  const declared = schema({ k: t.string(), at: t.number() });
  type Row = RowOf<typeof declared>;
  const rows: Row[] = [1, 2, 3].map((at) => ({ k: 'k', at }));
  const windowed = async (windows: WindowAssigner<Row, TimeWindow>, kept: (row: Row) => Row): Promise<unknown[]> => {
    const run = await runInMemory(({ env, sink }) => {
      const byTime = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => row.at);
      env
        .fromSource(new SplitSource([rows], declared), byTime, 'rows')
        .keyBy('k')
        .window(windows)
        .aggregate({
          createAccumulator: (): Row[] => [],
          add(row, acc) {
            acc.push(kept(row));
            return acc;
          },
          getResult: (acc) => acc.map(({ at }) => at),
          merge: (a, b) => [...a, ...b],
        })
        .sinkTo(sink('out'));
    });
    return run.values('out');
  };

  test.each<[string, WindowAssigner<Row, TimeWindow>, number]>([
    ['tumbling', TumblingEventTimeWindows.of(10), 1],
    ['sliding', SlidingEventTimeWindows.of(10, 5), 2],
    ['session', EventTimeSessionWindows.withGap(10), 1],
  ])('%s windows', async (_name, windows, results) => {
    await expect(windowed(windows, (row) => row)).rejects.toThrow(
      /position 0: the function keeps the row it was given/,
    );
    const whole = Array.from({ length: results }, () => [1, 2, 3]);
    expect(await windowed(windows, (row) => ({ ...row }))).toEqual(whole);
  });
});
