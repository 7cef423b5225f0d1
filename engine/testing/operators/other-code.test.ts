/** A job that goes on with other code than the one that wrote its state: what does not fit is refused, not lost. */
import { describe, expect, test } from 'vitest';
import type { SingleOutputStreamOperator } from '../../api/data-stream.ts';
import { ProcessFunction } from '../../api/functions.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import type {
  CheckpointedFunction,
  FunctionInitializationContext,
} from '../../operators/checkpointed-process-operator.ts';
import type { Collector } from '../../operators/collector.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { ListStateDescriptor } from '../../state/descriptors.ts';
import type { ListState } from '../../state/states.ts';
import type { TypeSerializer } from '../../state/type-serializer.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { CountEvictor } from '../../windows/evictors.ts';
import { EventTimeSessionWindows } from '../../windows/session-windows.ts';
import type { TimeWindow } from '../../windows/time-window.ts';
import type { WindowAssigner } from '../../windows/window-assigner.ts';
import { runInMemory } from '../run-in-memory.ts';

const timed = WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n);

type Windowed = (rows: KeyedStream<number, string>) => SingleOutputStreamOperator<unknown>;

/** Sums per window, a row an epoch; every process after the first has the second windows. */
const replaced = (first: Windowed, second: Windowed): Promise<unknown> => {
  let windowed = first;
  return runInMemory(
    ({ env, sink }) => {
      const rows = env
        .fromData(1, 2, 95, 96)
        .assignTimestampsAndWatermarks(timed)
        .keyBy(() => 'k');
      windowed(rows).uid('window').sinkTo(sink('out'));
      windowed = second;
    },
    { rowsPerEpoch: 1, stopEvery: 1 },
  ).then((run) => run.values('out'));
};

const counts =
  (size: number): Windowed =>
  (rows) =>
    rows
      .window(TumblingEventTimeWindows.of(size))
      .aggregate({ createAccumulator: () => 0, add: (_n, count) => count + 1, getResult: (count) => count });

/** Not the fast form for windows of one size: that keeps another state altogether. */
const listed =
  (windows: WindowAssigner<number, TimeWindow>): Windowed =>
  (rows) =>
    rows
      .window(windows)
      .evictor(CountEvictor.of(100))
      .apply((_key, _window, all) => [[...all].length]);
const tumbling = listed(TumblingEventTimeWindows.of(100));
const sessions = listed(EventTimeSessionWindows.withGap(100));

describe('windows', () => {
  test('of another size', async () => {
    await expect(replaced(counts(100), counts(70))).rejects.toThrow(/pane:aggregate\/100 ms.*pane:aggregate\/70 ms/);
    expect(await replaced(counts(100), counts(100))).toEqual([4]);
  });

  test('that did not merge, where windows merge now', async () => {
    await expect(replaced(tumbling, sessions)).rejects.toThrow(/that did not merge, and its windows merge now/);
    expect(await replaced(sessions, sessions)).toEqual([4]);
  });

  test('that merged, where windows do not merge now', async () => {
    await expect(replaced(sessions, tumbling)).rejects.toThrow(/has state "window-set" in the checkpoint/);
    expect(await replaced(tumbling, tumbling)).toEqual([4]);
  });
});

/** Keeps its rows under a serializer of this version. */
class Keeps extends ProcessFunction<number, number> implements CheckpointedFunction {
  private readonly serializer: TypeSerializer<number>;
  private state!: ListState<number>;
  constructor(version: number) {
    super();
    this.serializer = { version, serialize: (n) => n, deserialize: (n) => n as number };
  }
  initializeState(ctx: FunctionInitializationContext): void {
    this.state = ctx.getOperatorStateStore().getListState(new ListStateDescriptor('rows', this.serializer));
  }
  snapshotState(): void {
    // Its rows are in the state already.
  }
  processElement(n: number, _ctx: ProcessContext, out: Collector<number>): void {
    this.state.add(n);
    out.collect([...this.state.get()].length);
  }
}

describe('a CheckpointedFunction in a job with dead letters', () => {
  /** The second process has this version. */
  const goesOn = async (version: number): Promise<{ out: unknown[]; dead: unknown[] }> => {
    const dead: unknown[] = [];
    const versions = [1, version];
    const run = await runInMemory(
      ({ env, sink }) => {
        env
          .deadLetters()
          .map((letter) => dead.push(letter))
          .sinkTo(sink('dead'));
        env
          .fromData(7, 8, 9)
          .process(new Keeps(versions.shift() ?? version))
          .name('keeps')
          .sinkTo(sink('out'));
      },
      { rowsPerEpoch: 1, stopEvery: 1 },
    ).catch((thrown: unknown) => {
      expect(dead).toEqual([]);
      throw thrown;
    });
    return { out: run.values('out'), dead };
  };

  test('a serializer that cannot read its state fails the job, and no record is blamed', async () => {
    await expect(goesOn(2)).rejects.toThrow(
      /operator "keeps", split .*, position 1: .*serializer version 1, .*version 2 and no migrate[^]*record: 8/,
    );
    expect(await goesOn(1)).toEqual({ out: [1, 2, 3], dead: [] });
  });
});
