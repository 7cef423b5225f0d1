/** Two streams 'a' and 'b' for the tests of operators with two inputs: rows in order of arrival, one an epoch, and their watermarks. */
import fc from 'fast-check';
import type { DataStream } from '../../api/data-stream.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../../model/watermark.ts';
import { CollectionSource } from '../../operators/collection-source.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun, type JobScope } from '../run-in-memory.ts';
import { RowScript } from '../scripted-source.ts';

export interface TwoRow {
  readonly stream: 'a' | 'b';
  readonly id: string;
  readonly k: string;
  /** Event time, milliseconds. */
  readonly t: number;
  readonly v: number;
}

export const DELAY_MS = 4;
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5'];

/** Rows whose time rises, each back by up to `backMs`: above DELAY_MS, some are late. */
export function twoStreams(backMs: number, maxLength = 40): fc.Arbitrary<TwoRow[]> {
  const step = fc.record({
    stream: fc.constantFrom('a' as const, 'b' as const),
    k: fc.constantFrom(...KEYS),
    ahead: fc.nat(5),
    back: fc.nat(backMs),
    v: fc.nat(20),
  });
  return fc.array(step, { maxLength }).map((steps) => {
    let time = -10;
    return steps.map(({ stream, k, ahead, back, v }, i) => ({
      stream,
      id: `${stream}${i}`,
      k,
      t: (time += ahead) - back,
      v,
    }));
  });
}

/** Both streams' smaller watermark after each row; then after the end of 'a', and of 'b'. */
export function watermarksAfter(rows: readonly TwoRow[]): number[] {
  const of = { a: MIN_WATERMARK, b: MIN_WATERMARK };
  const after = rows.map(({ stream, t }) => {
    of[stream] = Math.max(of[stream], t - DELAY_MS - 1);
    return Math.min(of.a, of.b);
  });
  return [...after, of.b, MAX_WATERMARK];
}

type Build = (a: DataStream<TwoRow>, b: DataStream<TwoRow>, scope: JobScope) => void;

const STRATEGY = WatermarkStrategy.forBoundedOutOfOrderness<TwoRow>(DELAY_MS).withTimestampAssigner((row) => row.t);

/** One row an epoch, in order of arrival; then each stream's end. */
export function runRowByRow(
  rows: readonly TwoRow[],
  build: Build,
  options: InMemoryOptions & { readonly maxParallelism?: number } = {},
): Promise<InMemoryRun> {
  const of = (stream: string): TwoRow[] => rows.filter((row) => row.stream === stream);
  const order = rows.map(({ stream }) => stream);
  const script = new RowScript({ a: of('a'), b: of('b') }, order);
  return runInMemory(
    (scope) => {
      if (options.maxParallelism !== undefined) scope.env.setMaxParallelism(options.maxParallelism);
      const [a, b] = ['a', 'b'].map((name) => scope.env.fromSource(script.source<TwoRow>(name), STRATEGY, name));
      build(a!, b!, scope);
    },
    { rowsPerEpoch: 1, onEpoch: script.epochCommitted, ...options },
  );
}

/** Both streams as they are, cut into epochs as the options say. */
export function runCut(rows: readonly TwoRow[], build: Build, options: InMemoryOptions): Promise<InMemoryRun> {
  return runInMemory((scope) => {
    const [a, b] = ['a', 'b'].map((name) => {
      const own = rows.filter((row) => row.stream === name);
      return scope.env.fromSource(new CollectionSource(own), STRATEGY, name);
    });
    build(a!, b!, scope);
  }, options);
}

/** What a sink got, in no order: epoch, value, timestamp. */
export function byEpoch(run: InMemoryRun, sink: string): string[] {
  return run
    .rows(sink)
    .map(({ epoch, value, timestamp }) => JSON.stringify([epoch, value, timestamp]))
    .sort();
}

/** The same in no epoch. */
export function multiset(run: InMemoryRun, sink: string): string[] {
  return run
    .rows(sink)
    .map(({ value, timestamp }) => JSON.stringify([value, timestamp]))
    .sort();
}

export interface Expected {
  readonly at: number;
  readonly value: unknown;
  readonly timestamp: number;
}
export const expectedByEpoch = (rows: readonly Expected[]): string[] =>
  rows.map(({ at, value, timestamp }) => JSON.stringify([at, value, timestamp])).sort();

/** Epochs of up to so many rows. */
export const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });

/** E7a: whatever the cut, late rows or not, neither packing nor fanning out shows. Answers with one subtask's rows, by sink. */
export async function packedAnyhow(
  rows: readonly TwoRow[],
  build: Build,
  rowsPerEpoch: readonly number[],
  many: number,
): Promise<Record<'one' | 'packed' | 'fannedOut', Record<string, string[]>>> {
  const one = await runCut(rows, build, { rowsPerEpoch });
  const packed = await runCut(rows, build, { rowsPerEpoch, subtasks: many });
  const fannedOut = await runCut(rows, build, { workers: 1 + (many % 4), cutLike: one });
  const bySink = (run: InMemoryRun): Record<string, string[]> =>
    Object.fromEntries(run.sinks.map((sink) => [sink, byEpoch(run, sink)]));
  return { one: bySink(one), packed: bySink(packed), fannedOut: bySink(fannedOut) };
}
