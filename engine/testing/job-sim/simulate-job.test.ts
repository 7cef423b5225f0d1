/** The simulator on jobs: a right one passes; wrong ones are caught, each for its reason, and shrunk. */
import { describe, expect, test } from 'vitest';
import { keyedProcess, valueState } from '../../api/functions.ts';
import type { Collector } from '../../operators/collector.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import type { BuildJob } from '../in-memory-job.ts';
import { SplitSource } from '../split-source.ts';
import { TestSource } from '../test-source.ts';
import { differenceText, outputDifference } from './output-difference.ts';
import { simulateJob } from './simulate-job.ts';
import { drawTrial, trialText } from './trial.ts';

interface Reading {
  readonly device: string;
  readonly at: number;
  readonly value: number;
}
const READINGS = [0, 1].map((split) =>
  Array.from({ length: 40 }, (_, i): Reading => ({ device: `d${(i * 7) % 5}`, at: i * 100 + split, value: i })),
);
const strategy = WatermarkStrategy.forMonotonousTimestamps<Reading>().withTimestampAssigner((r) => r.at);

const windows: BuildJob = ({ env, sink }) => {
  const readings = env.fromSource(new SplitSource(READINGS), strategy, 'readings');
  readings
    .map(({ device, value }) => ({ device, value }))
    .keyBy('device')
    .window(TumblingEventTimeWindows.of(1000))
    .sum('value')
    .sinkTo(sink('sums'));
  readings.filter((r) => r.value % 2 === 0).sinkTo(sink('even'));
};

test('event-time windows: nothing changes, whatever befalls them, and however they are cut', async () => {
  const same = await simulateJob(windows, { seeds: 12 });
  expect(same).toMatchObject({ seeds: 12, failures: [] });
  expect(same.deaths).toBeGreaterThan(10);
  expect(same.epochs).toBeGreaterThan(60);
  expect((await simulateJob(windows, { seeds: 12, anyCut: true })).failures).toEqual([]);
});

test('processing-time timers: nothing changes with the same cut; another cut is another answer', async () => {
  const job: BuildJob = ({ env, sink }) => {
    const timers = keyedProcess({
      state: { first: valueState<number>() },
      processElement(_r: Reading, ctx, _out: Collector<string>) {
        if (ctx.state.first.value() !== null) return;
        ctx.state.first.update(ctx.currentProcessingTime());
        ctx.timerService().registerProcessingTimeTimer(ctx.currentProcessingTime() + 1500);
      },
      onTimer: (at, ctx, out: Collector<string>) => out.collect(`${String(ctx.getCurrentKey())} ${at}`),
    });
    const readings = env.fromSource(new SplitSource(READINGS), strategy, 'readings');
    readings.keyBy('device').process(timers).sinkTo(sink('timers'));
  };
  expect(await simulateJob(job, { seeds: 12 })).toMatchObject({ failures: [] });
  expect((await simulateJob(job, { seeds: 5, mostFailures: 1, anyCut: true })).failures.length).toBeGreaterThan(0);
});

describe('caught', () => {
  test('state outside of state: a death loses it', async () => {
    const job: BuildJob = ({ env, sink }) => {
      let count = 0;
      env
        .fromSource(new SplitSource(READINGS), strategy, 'readings')
        .map((r) => `${r.device} ${++count}`)
        .sinkTo(sink('numbered'));
    };
    const { failures } = await simulateJob(job, { seeds: 20, mostFailures: 1 });
    const { difference, text, trial } = failures[0]!;
    expect(difference.sink).toBe('numbered');
    expect(difference.missing.length).toBe(difference.extra.length);
    // What is not needed to see it has been taken away.
    expect([trial.deaths.length > 1, trial.foldDue, trial.packings.length]).toEqual([false, null, 1]);
    expect(text).toMatch(/rows per epoch: .*\nsink "numbered"\n {2}only without faults: epoch/s);
  });

  test('a function that hangs on how keys are packed', async () => {
    const job: BuildJob = ({ env, sink }) => {
      const seen = (): ((r: Reading) => number) => {
        let instance = 0;
        return () => ++instance;
      };
      const count = seen();
      env
        .fromSource(new SplitSource(READINGS), strategy, 'readings')
        .keyBy('device')
        .reduce((a, b) => ({ ...b, value: a.value + count(b) }))
        .sinkTo(sink('sums'));
    };
    const { failures } = await simulateJob(job, { seeds: 40, mostFailures: 1 });
    expect(failures).toHaveLength(1);
  });

  test('a job that differs from itself is not run through faults', async () => {
    const job: BuildJob = ({ env, sink }) => {
      env
        .fromData(1, 2, 3)
        .map((n) => n * performance.now())
        .sinkTo(sink('random'));
    };
    await expect(simulateJob(job, { seeds: 2 })).rejects.toThrow(/the job is not deterministic: two runs .*\nsink/);
  });

  test('a job without an end', async () => {
    class Endless extends TestSource<Reading> {
      override readonly bounded = false as never;
    }
    const job: BuildJob = ({ env, sink }) => {
      env.fromSource(new Endless(), strategy, 'readings').sinkTo(sink('out'));
    };
    await expect(simulateJob(job)).rejects.toThrow(/source "readings" \(test source\) of job "job" has no end/);
  });
});

test('a seed draws the same trial again; seeds draw all there is', () => {
  expect(drawTrial(7, 100)).toEqual(drawTrial(7, 100));
  const trials = Array.from({ length: 200 }, (_, seed) => drawTrial(seed, 100));
  expect(
    trials.some(({ stopEvery, foldDue, deaths }) => stopEvery !== null && foldDue !== null && deaths.length > 3),
  ).toBe(true);
  expect(trials.some(({ packings }) => packings.some(({ workers }) => workers === 3))).toBe(true);
  expect(trials.every(({ cut }) => cut.every((rows) => rows >= 1))).toBe(true);
  expect(drawTrial(1, 0).cut).toEqual(expect.arrayContaining([1]));
  const text = trialText({ cut: [3, 1], packings: [{ workers: 2 }, {}], deaths: [4, 9], stopEvery: 1, foldDue: 2 });
  expect(text).toBe(
    'rows per epoch: 3, 1; 2 workers, then 1 subtask; dies at step 4, then at step 9; stops after every 1 epoch; folds after 2 epochs',
  );
});

test('a difference is one of multisets', () => {
  const of = (...rows: string[]): Map<string, string[]> => new Map([['s', rows]]);
  expect(outputDifference(of('a', 'b'), of('b', 'a'))).toBe(null);
  const difference = outputDifference(of('a', 'a', 'b'), of('a', 'c'))!;
  expect(difference).toEqual({ sink: 's', missing: ['a', 'b'], extra: ['c'] });
  expect(differenceText(difference).split('\n')).toEqual([
    'sink "s"',
    '  only without faults: a',
    '  only without faults: b',
    '  only with faults:    c',
  ]);
});
