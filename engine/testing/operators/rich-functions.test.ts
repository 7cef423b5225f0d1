/** Functions with a life: opened once, closed, with metrics in the counts of the epochs; and what fails early, with what to do. */
import { describe, expect, test } from 'vitest';
import { AsyncDataStream, AsyncFunction } from '../../api/async-data-stream.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { KeyedProcessFunction, ProcessFunction } from '../../api/functions.ts';
import { JoinFunction } from '../../api/join-functions.ts';
import { RichFilterFunction, RichFlatMapFunction, RichMapFunction } from '../../api/rich-functions.ts';
import type { DeadLetter } from '../../model/bad-record.ts';
import { ConfigError } from '../../model/errors.ts';
import type { ResultFuture } from '../../operators/async-request.ts';
import type { Collector } from '../../operators/collector.ts';
import type { KeyedContext, OpenContext } from '../../operators/keyed-process-function.ts';
import type { Counter, Histogram, Meter, RuntimeContext } from '../../model/runtime-context.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { ValueStateDescriptor } from '../../state/descriptors.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { ProcessWindowFunction, type WindowContext } from '../../windows/window-function.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { runInMemory } from '../run-in-memory.ts';

const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

class Double extends RichMapFunction<number, number> {
  readonly events: string[];
  private seen!: Counter;
  constructor(events: string[]) {
    super();
    this.events = events;
  }
  override async open(ctx: OpenContext): Promise<void> {
    await Promise.resolve();
    this.seen = ctx.getMetricGroup().counter('seen');
    this.events.push(`open ${ctx.getTaskName()} ${ctx.getOperatorUniqueID()} ${ctx.getMaxNumberOfParallelSubtasks()}`);
  }
  override map(n: number): number {
    this.seen.inc();
    return n * 2;
  }
  override close(): void {
    this.events.push('close');
  }
}

class Repeat extends RichFlatMapFunction<number, number> {
  private rows!: Meter;
  override open(ctx: OpenContext): void {
    this.rows = ctx.getMetricGroup().addGroup('rows').meter('out');
  }
  override flatMap(n: number): number[] {
    this.rows.markEvent(2);
    return [n, n];
  }
}

class Large extends RichFilterFunction<number> {
  override filter(n: number): boolean {
    return n > 4;
  }
}

class Sizes extends KeyedProcessFunction<number, number, number> {
  private sizes!: Histogram;
  private balance!: Counter;
  override open(ctx: OpenContext): void {
    this.sizes = ctx.getMetricGroup().histogram('sizes');
    this.balance = ctx.getMetricGroup().counter('balance');
  }
  override processElement(n: number, _ctx: KeyedContext<number>, out: Collector<number>): void {
    this.sizes.update(n);
    this.balance.inc(n);
    this.balance.dec();
    out.collect(n);
  }
}

describe('rich functions', () => {
  test('are opened before the first row and closed at the end, and their metrics commit with the epochs', async () => {
    const events: string[] = [];
    const run = async (options: object): Promise<unknown> => {
      const { counts, values } = await runInMemory(({ env, sink }) => {
        env
          .fromData(...NUMBERS)
          .map(new Double(events))
          .name('Doubler')
          .uid('double')
          .filter(new Large())
          .flatMap(new Repeat())
          .uid('repeat')
          .keyBy((n) => n % 3)
          .process(new Sizes())
          .uid('sizes')
          .sinkTo(sink('out'));
      }, options);
      const user = Object.fromEntries(Object.entries(counts).filter(([name]) => name.startsWith('user:')));
      return { user, values: (values('out') as number[]).sort((a, b) => a - b) };
    };
    const doubled = NUMBERS.map((n) => n * 2).filter((n) => n > 4);
    const out = doubled.flatMap((n) => [n, n]);
    const expected = {
      user: {
        'user:double:seen': 10,
        'user:repeat:rows.out': 16,
        'user:sizes:balance': out.reduce((a, b) => a + b) - out.length,
        'user:sizes:sizes:count': out.length,
        'user:sizes:sizes:sum': out.reduce((a, b) => a + b),
        'user:sizes:sizes:le:8': 4,
        'user:sizes:sizes:le:16': 8,
        'user:sizes:sizes:le:32': 4,
      },
      values: out,
    };
    expect(await run({})).toEqual(expected);
    expect(events).toEqual(['open Doubler double 128', 'close']);
    expect(await run({ rowsPerEpoch: 3, stopEvery: 1 })).toEqual(expected);
    expect(await run({ rowsPerEpoch: 2, crashAfter: [7, 12, 20], subtasks: 3 })).toEqual(expected);
    expect(await run({ rowsPerEpoch: 4, workers: 2 })).toEqual(expected);
  });

  test('a metric of no name, or of no number, is refused', async () => {
    const job = (use: (ctx: OpenContext) => void): Promise<unknown> =>
      runInMemory(({ env, sink }) => {
        class Metered extends RichMapFunction<number, number> {
          override open(ctx: OpenContext): void {
            use(ctx);
          }
          override map(n: number): number {
            return n;
          }
        }
        env.fromData(1).map(new Metered()).sinkTo(sink('out'));
      });
    await expect(job((ctx) => void ctx.getMetricGroup().counter(''))).rejects.toThrow('name of a metric');
    await expect(job((ctx) => ctx.getMetricGroup().counter('n').inc(NaN))).rejects.toThrow('takes a finite number');
  });

  test('a throw in open names the operator', async () => {
    const run = runInMemory(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      class Broken extends RichMapFunction<number, number> {
        override open(): void {
          throw new Error('no licence');
        }
        override map(n: number): number {
          return n;
        }
      }
      env.fromData(1).map(new Broken()).name('Scorer').sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow('operator "Scorer", in open: no licence');
  });
});

describe('what cannot be right fails at once, dead letters or not', () => {
  const job = (use: (numbers: DataStream<number>) => DataStream<unknown>): Promise<unknown> =>
    runInMemory(({ env, sink }) => {
      env.deadLetters().sinkTo(sink('dead'));
      const strategy = WatermarkStrategy.noWatermarks<number>();
      use(env.fromSource<number>(new CollectionSource(NUMBERS), strategy, 'numbers')).sinkTo(sink('out'));
    });

  test('a timer without a key', async () => {
    const timer = job((numbers) =>
      numbers.process((_n: number, ctx: ProcessContext) => ctx.timerService().registerEventTimeTimer(5)).name('Clock'),
    );
    await expect(timer).rejects.toThrow(ConfigError);
    await expect(timer).rejects.toThrow(
      /operator "Clock", split .*, position 0: a timer on a stream that has no key. Call keyBy/,
    );
  });

  test('timestamps for dead letters', async () => {
    const run = runInMemory(({ env, sink }) => {
      env.fromData(1).sinkTo(sink('out'));
      env
        .deadLetters()
        .assignTimestampsAndWatermarks(
          WatermarkStrategy.forMonotonousTimestamps<DeadLetter>().withTimestampAssigner((letter) => letter.position),
        )
        .sinkTo(sink('dead'));
    });
    await expect(run).rejects.toThrow('assigns timestamps to dead letters');
  });

  test('the time without a key is told', async () => {
    const run = await runInMemory(({ env, sink }) => {
      env
        .fromData(1)
        .process((_n: number, ctx: ProcessContext, out: Collector<boolean>) =>
          out.collect(ctx.timerService().currentProcessingTime() === ctx.currentProcessingTime()),
        )
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toEqual([true]);
  });

  test('keyed state without a key', async () => {
    class Stateful extends ProcessFunction<number, number> {
      override open(ctx: OpenContext): void {
        ctx.getState(new ValueStateDescriptor<number>('n'));
      }
      override processElement(): void {
        // Never called.
      }
    }
    const state = job((numbers) => numbers.process(new Stateful()).name('Counter'));
    await expect(state).rejects.toThrow('operator "Counter": keyed state on a stream that has no key. Call keyBy');
  });

  test('a key by chance', async () => {
    let n = 0;
    const counting = job((numbers) =>
      numbers
        .keyBy(() => n++ % 5)
        .reduce((a) => a)
        .name('Sum'),
    );
    await expect(counting).rejects.toThrow(ConfigError);
    await expect(counting).rejects.toThrow(/returned 0 and then 1 for one and the same row/);
  });

  test.each<[string, (n: number) => unknown]>([
    ['an object', (n: number) => ({ a: n % 2, b: [n] })],
    ['a date', (n: number) => new Date(n)],
    ['not a number', () => NaN],
  ])('a key that is %s, made anew each time, is no chance', async (_, key) => {
    const run = await runInMemory(({ env, sink }) => {
      env
        .fromData(...NUMBERS)
        .keyBy(key)
        .reduce((a, b) => a + b)
        .sinkTo(sink('out'));
    });
    expect(run.values('out')).toHaveLength(NUMBERS.length);
  });

  test.each<[string, (numbers: DataStream<number>) => unknown]>([
    ['keyBy', (s) => s.keyBy((async (n: number) => n) as unknown as (n: number) => number).reduce((a) => a)],
    ['reduce', (s) => s.keyBy(() => 1).reduce((async (a: number) => a) as unknown as (a: number) => number)],
    ['map', (s) => s.map((async (n: number) => n) as unknown as (n: number) => number)],
    ['filter', (s) => s.filter((async () => true) as unknown as () => boolean)],
    ['flatMap', (s) => s.flatMap((async () => []) as unknown as () => number[])],
    ['process', (s) => s.process((async () => undefined) as unknown as () => undefined)],
    [
      'a timestamp assigner',
      (s) =>
        s.assignTimestampsAndWatermarks(
          WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner(
            (async () => 1) as unknown as () => number,
          ),
        ),
    ],
    [
      'a watermark generator',
      (s) =>
        s.assignTimestampsAndWatermarks(
          WatermarkStrategy.forGenerator<number>(() => ({
            onEvent: (async () => undefined) as unknown as () => undefined,
          })),
        ),
    ],
  ])('a promise from %s', async (_, use) => {
    const run = runInMemory(({ env, sink }) => {
      env.setRestartStrategy({ kind: 'none' });
      (use(env.fromData(...NUMBERS)) as DataStream<unknown>).sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(/promise/i);
  });
});

test('functions of windows, joins and requests are opened with metrics, too', async () => {
  class Sums extends ProcessWindowFunction<number, number, string> {
    private seen!: Counter;
    override open(ctx: RuntimeContext): void {
      this.seen = ctx.getMetricGroup().counter('windows');
    }
    process(_key: string, _ctx: WindowContext, elements: readonly number[]): number[] {
      this.seen.inc();
      return [elements.length];
    }
  }
  class Pairs extends JoinFunction<number, number, number> {
    private seen!: Counter;
    override open(ctx: RuntimeContext): void {
      this.seen = ctx.getMetricGroup().counter('pairs');
    }
    join(a: number, b: number): number {
      this.seen.inc();
      return a + b;
    }
  }
  class Asked extends AsyncFunction<number, number> {
    private seen!: Counter;
    override open(ctx: RuntimeContext): void {
      this.seen = ctx.getMetricGroup().counter('asked');
    }
    asyncInvoke(n: number, result: ResultFuture<number>): void {
      this.seen.inc();
      result.complete([n]);
    }
  }
  const { counts } = await runInMemory(({ env, sink }) => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n);
    const rows = env.fromData(1, 2, 11).assignTimestampsAndWatermarks(strategy);
    const key = (): string => 'k';
    rows.keyBy(key).window(TumblingEventTimeWindows.of(10)).process(new Sums()).uid('sums').sinkTo(sink('sums'));
    rows
      .join(rows)
      .where(key)
      .equalTo(key)
      .window(TumblingEventTimeWindows.of(10))
      .apply(new Pairs())
      .uid('pairs')
      .sinkTo(sink('pairs'));
    AsyncDataStream.orderedWait(rows, new Asked(), 0).uid('asked').sinkTo(sink('asked'));
  });
  expect(counts).toMatchObject({ 'user:sums:windows': 2, 'user:pairs:pairs': 5, 'user:asked:asked': 3 });
});
