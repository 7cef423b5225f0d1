/** Windows as a job uses them: the guide's timeline, functions with state, triggers, assigners and evictors of one's own. */
import { describe, expect, test } from 'vitest';
import { AllWindowedStream } from '../../api/all-windowed-stream.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { OutputTag } from '../../operators/output-tag.ts';
import { ListStateDescriptor, ValueStateDescriptor } from '../../state/descriptors.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { ContinuousEventTimeTrigger } from '../../windows/continuous-triggers.ts';
import { CountTrigger } from '../../windows/count-trigger.ts';
import { Evictor, type EvictableElements } from '../../windows/evictor.ts';
import { CountEvictor } from '../../windows/evictors.ts';
import { GlobalWindows } from '../../windows/global-windows.ts';
import { EventTimeSessionWindows } from '../../windows/session-windows.ts';
import { EventTimeTrigger } from '../../windows/time-triggers.ts';
import { TimeWindow, type Window } from '../../windows/time-window.ts';
import { Trigger, TriggerResult, type TriggerContext } from '../../windows/trigger.ts';
import {
  MergingWindowAssigner,
  WindowAssigner,
  type MergeCallback,
  type WindowSerializer,
} from '../../windows/window-assigner.ts';
import { ProcessAllWindowFunction, ProcessWindowFunction, type WindowContext } from '../../windows/window-function.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';

interface Row {
  readonly k: string;
  readonly t: number;
  readonly v: number;
}
const row = (t: number, v: number, k = 'a'): Row => ({ k, t, v });
const LATE = new OutputTag<Row>('late');
const byTime = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((r) => r.t);

function run(
  rows: readonly Row[],
  build: (rows: DataStream<Row>) => Readonly<Record<string, DataStream<unknown>>>,
  options: InMemoryOptions = { rowsPerEpoch: 1 },
): Promise<InMemoryRun> {
  return runInMemory(({ env, sink }) => {
    env.setMaxParallelism(4);
    const outputs = build(env.fromSource(new CollectionSource(rows), byTime, 'rows'));
    for (const [name, stream] of Object.entries(outputs)) stream.sinkTo(sink(name));
  }, options);
}
const values = (rows: readonly Row[]): number[] => rows.map(({ v }) => v);
describe('late data', () => {
  test.each(['fast', 'general'])(
    "the guide's timeline: fires at the watermark, again for the late row, and the very late one goes aside (%s)",
    async (kind) => {
      const minute = 60_000;
      const rows = [
        row(30_000, 1),
        row(55_000, 2),
        // The watermark passes 12:01: the window fires.
        row(minute + 1, 10),
        // Late, within the 30 seconds allowed: it fires again.
        row(50_000, 4),
        // 12:01:30 is over: the window is dropped.
        row(minute + 30_000, 20),
        // Very late.
        row(40_000, 8),
      ];
      const result = await run(rows, (stream) => {
        const windows = stream
          .keyBy('k')
          .window(TumblingEventTimeWindows.of(minute))
          .allowedLateness(30_000)
          .sideOutputLateData(LATE);
        if (kind === 'general') windows.trigger(new (class extends EventTimeTrigger {})());
        const main = windows.process((_key, ctx, elements) => [[ctx.window.start, values(elements)]]);
        return { main, late: main.getSideOutput(LATE) };
      });
      expect(result.rows('main').map(({ epoch, value }) => [epoch, value])).toEqual([
        [3, [0, [1, 2]]],
        [4, [0, [1, 2, 4]]],
        [7, [minute, [10, 20]]],
      ]);
      expect(result.rows('late').map(({ epoch, value }) => [epoch, (value as Row).v])).toEqual([[6, 8]]);
      expect(result.counts).toMatchObject({ late: 1, refired: 1 });
    },
  );

  test('a row late for its oldest window still enters the newer ones', async () => {
    const result = await run([row(0, 1), row(12, 2), row(8, 4), row(30, 0)], (stream) => ({
      main: stream
        .keyBy('k')
        .window(SlidingEventTimeWindows.of(10, 5))
        .reduce(
          (a, b) => row(0, a.v + b.v),
          (_key, ctx, [sum]) => [[ctx.window.start, sum!.v]],
        ),
    }));
    expect(result.values('main').slice(0, 5)).toEqual([
      [-5, 1],
      [0, 1],
      [5, 6],
      [10, 2],
      [25, 0],
    ]);
  });
});

/** Remembers what the key's windows summed up to, and says so when a window goes. */
class Remembering extends ProcessWindowFunction<Row, string, string> {
  static readonly CLEARED = new OutputTag<string>('cleared');
  private readonly total = new ValueStateDescriptor<number>('total', 0);
  private readonly seen = new ListStateDescriptor<number>('seen');
  process(key: string, ctx: WindowContext, elements: readonly Row[]): string[] {
    const total = ctx.globalState().getState(this.total);
    const seen = ctx.windowState().getListState(this.seen);
    total.update(total.value()! + 1);
    seen.add(elements.length);
    return [`${key} ${ctx.window.start} firing ${seen.get().length} of the window, ${total.value()} of the key`];
  }
  override clear(ctx: WindowContext): void {
    const seen = ctx.windowState().getListState(this.seen).get();
    ctx.output(Remembering.CLEARED, `${ctx.window.start}: ${seen.join()}`);
  }
}

describe('functions', () => {
  test.each([undefined, 1])(
    'keep state per window and per key, and clear it (stopped every %s epochs)',
    async (stopEvery) => {
      const result = await run(
        [row(1, 1), row(11, 1), row(2, 1), row(40, 1)],
        (stream) => {
          const main = stream
            .keyBy('k')
            .window(TumblingEventTimeWindows.of(10))
            .allowedLateness(20)
            .process(new Remembering());
          return { main, cleared: main.getSideOutput(Remembering.CLEARED) };
        },
        { rowsPerEpoch: 1, ...(stopEvery === undefined ? {} : { stopEvery }) },
      );
      expect(result.values('main')).toEqual([
        'a 0 firing 1 of the window, 1 of the key',
        'a 0 firing 2 of the window, 2 of the key',
        'a 10 firing 1 of the window, 3 of the key',
        'a 40 firing 1 of the window, 4 of the key',
      ]);
      expect(result.values('cleared')).toEqual(['0: 1,2', '10: 1', '40: 1']);
    },
  );

  test('windowState is refused where windows merge', async () => {
    const refused = run([row(1, 1)], (stream) => ({
      main: stream.keyBy('k').window(EventTimeSessionWindows.withGap(5)).process(new Remembering()),
    }));
    await expect(refused).rejects.toThrow('windowState() is not allowed where windows merge');
  });

  test('apply, minBy and sum', async () => {
    const rows = [row(1, 3), row(2, 1), row(3, 1)];
    const result = await run(rows, (stream) => {
      const windows = () => stream.keyBy('k').window(TumblingEventTimeWindows.of(10));
      return {
        apply: windows().apply((key, window, elements) => [`${key} ${window.end} ${values(elements).join()}`]),
        minBy: windows().minBy('v'),
        sum: windows().sum('v'),
      };
    });
    expect(result.values('apply')).toEqual(['a 10 3,1,1']);
    expect(result.values('minBy')).toEqual([row(2, 1)]);
    expect(result.values('sum')).toEqual([row(1, 5)]);
  });

  test('count windows, tumbling and sliding', async () => {
    const rows = [1, 2, 3, 4, 5, 6, 7].map((v) => row(v, v));
    const result = await run(rows, (stream) => ({
      tumbling: stream
        .keyBy('k')
        .countWindow(3)
        .process((_key, _ctx, elements) => [values(elements)]),
      sliding: stream
        .keyBy('k')
        .countWindow(3, 2)
        .process((_key, _ctx, elements) => [values(elements)]),
    }));
    expect(result.values('tumbling')).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(result.values('sliding')).toEqual([
      [1, 2],
      [2, 3, 4],
      [4, 5, 6],
    ]);
  });

  test('a stream without keys', async () => {
    const rows = [row(1, 1, 'a'), row(2, 2, 'b'), row(12, 4, 'a')];
    class Values extends ProcessAllWindowFunction<Row, string> {
      process(ctx: WindowContext, elements: readonly Row[]): string[] {
        return [`${ctx.window.start}: ${values(elements).join()}`];
      }
    }
    const result = await run(rows, (stream) => {
      const all = () =>
        new AllWindowedStream(
          stream.keyBy(() => 0),
          TumblingEventTimeWindows.of(10),
        );
      return {
        sum: all().sum('v'),
        reduced: all().reduce(
          (a) => a,
          (ctx, [first]) => [[ctx.window.end, first!.v]],
        ),
        process: all().process(new Values()),
        apply: all()
          .evictor(CountEvictor.of(1))
          .apply((_window, elements) => [values(elements)]),
      };
    });
    expect(result.values('sum').map((sum) => (sum as Row).v)).toEqual([3, 4]);
    expect(result.values('reduced')).toEqual([
      [10, 1],
      [20, 4],
    ]);
    expect(result.values('process')).toEqual(['0: 1,2', '10: 4']);
    expect(result.values('apply')).toEqual([[2], [4]]);
  });
});

/** Fires when a negative value comes, or five milliseconds of event time after the first row. */
class NegativeOrTimeout extends Trigger<Row, Window> {
  private readonly timer = new ValueStateDescriptor<number>('timer');
  onElement(element: Row, timestamp: number, _window: Window, ctx: TriggerContext): TriggerResult {
    const timer = ctx.getPartitionedState(this.timer);
    if (timer.value() === null) {
      timer.update(timestamp + 5);
      ctx.registerEventTimeTimer(timestamp + 5);
    }
    return element.v < 0 ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }
  onEventTime(time: number, _window: Window, ctx: TriggerContext): TriggerResult {
    return ctx.getPartitionedState(this.timer).value() === time ? TriggerResult.FIRE_AND_PURGE : TriggerResult.CONTINUE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  clear(_window: Window, ctx: TriggerContext): void {
    ctx.getPartitionedState(this.timer).clear();
  }
}

/** Windows named by the day's half: no TimeWindow. */
class Half implements Window {
  readonly day: number;
  readonly half: 'am' | 'pm';
  constructor(day: number, half: 'am' | 'pm') {
    this.day = day;
    this.half = half;
  }
  maxTimestamp(): number {
    return this.day * 24 + (this.half === 'am' ? 11 : 23);
  }
}
class HalfDays extends WindowAssigner<Row, Half> {
  assignWindows(_element: Row, timestamp: number): readonly Half[] {
    return [new Half(Math.floor(timestamp / 24), timestamp % 24 < 12 ? 'am' : 'pm')];
  }
  getDefaultTrigger(): Trigger<Row, Half> {
    return EventTimeTrigger.create();
  }
  isEventTime(): boolean {
    return true;
  }
  override getWindowSerializer(): WindowSerializer<Half> {
    return {
      serialize: ({ day, half }) => [day, half],
      deserialize: (stored) => new Half(...(stored as [number, 'am' | 'pm'])),
    };
  }
}

/** Sessions of which none is longer than 20. */
class ShortSessions extends MergingWindowAssigner<Row, TimeWindow> {
  assignWindows(_element: Row, timestamp: number): readonly TimeWindow[] {
    return [new TimeWindow(timestamp, timestamp + 5)];
  }
  mergeWindows(windows: readonly TimeWindow[], callback: MergeCallback<TimeWindow>): void {
    let last: TimeWindow | null = null;
    for (const window of windows.toSorted((a, b) => a.start - b.start)) {
      const cover: TimeWindow | null = last?.intersects(window) === true ? last.cover(window) : null;
      if (cover !== null && cover.end - cover.start <= 20) return callback.merge([last!, window], cover);
      last = window;
    }
  }
  getDefaultTrigger(): Trigger<Row, TimeWindow> {
    return EventTimeTrigger.create();
  }
  isEventTime(): boolean {
    return true;
  }
}

/** Removes zeros before the function, and what is larger than 9 after it. */
class ZerosAndLarge extends Evictor<Row, Window> {
  evictBefore(elements: EvictableElements<Row>): void {
    elements.removeIf(({ value }) => value.v === 0);
  }
  evictAfter(elements: EvictableElements<Row>): void {
    elements.removeIf(({ value }) => value.v > 9);
  }
}

describe("of one's own", () => {
  test.each([undefined, 1])('a trigger with state and timers (stopped every %s epochs)', async (stopEvery) => {
    const rows = [row(1, 1), row(2, 2), row(3, -3), row(6, 4), row(7, 5), row(30, 6)];
    const result = await run(
      rows,
      (stream) => ({
        main: stream
          .keyBy('k')
          .window(TumblingEventTimeWindows.of(20))
          .trigger(new NegativeOrTimeout())
          .process((_key, _ctx, elements) => [values(elements)]),
      }),
      { rowsPerEpoch: 1, ...(stopEvery === undefined ? {} : { stopEvery }) },
    );
    // The watermark after row 7 is 6: five milliseconds after the first row. Nothing fires at the window's end.
    expect(result.values('main')).toEqual([[1, 2, -3], [1, 2, -3, 4, 5], [6]]);
  });

  test.each([undefined, 1])('windows that are no time windows (stopped every %s epochs)', async (stopEvery) => {
    const result = await run(
      [row(1, 1), row(13, 2), row(3, 4), row(30, 8)],
      (stream) => {
        const main = stream
          .keyBy('k')
          .window(new HalfDays())
          .sideOutputLateData(LATE)
          .process((_key, ctx, elements) => [[ctx.window.day, ctx.window.half, values(elements)]]);
        return { main, late: main.getSideOutput(LATE) };
      },
      { rowsPerEpoch: 1, ...(stopEvery === undefined ? {} : { stopEvery }) },
    );
    expect(result.values('main')).toEqual([
      [0, 'am', [1]],
      [0, 'pm', [2]],
      [1, 'am', [8]],
    ]);
    expect(result.values('late')).toEqual([row(3, 4)]);
  });

  test('windows that merge', async () => {
    const rows = [0, 4, 8, 12, 16, 20].map((t, i) => row(t, 2 ** i));
    const result = await run(rows, (stream) => ({
      main: stream
        .keyBy('k')
        .window(new ShortSessions())
        .process((_key, { window }, elements) => [[window.start, window.end, values(elements)]]),
    }));
    expect(result.values('main')).toEqual([
      [0, 17, [1, 2, 4, 8]],
      [16, 25, [16, 32]],
    ]);
  });

  test('an evictor', async () => {
    const result = await run([row(1, 0), row(2, 10), row(3, 1), row(4, 2), row(5, 0), row(6, 3)], (stream) => ({
      main: stream
        .keyBy('k')
        .window(GlobalWindows.create())
        .trigger(CountTrigger.of(3))
        .evictor(new ZerosAndLarge())
        .process((_key, _ctx, elements) => [values(elements)]),
    }));
    expect(result.values('main')).toEqual([
      [10, 1],
      [1, 2, 3],
    ]);
  });

  test('a continuous trigger on a global window fires once more at the end, and not for ever', async () => {
    const result = await run([row(1, 1), row(12, 2)], (stream) => ({
      main: stream
        .keyBy('k')
        .window(GlobalWindows.create())
        .trigger(ContinuousEventTimeTrigger.of(10))
        .process((_key, _ctx, elements) => [values(elements)]),
    }));
    expect(result.values('main')).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });
});
