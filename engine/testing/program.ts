/**
 * A program: streams in, streams out, and nothing about where they come from or go to. What the conformance runner runs over recorded
 * inputs, and what a test can run over its own.
 *
 *     export default defineProgram<{ events: Order }>(({ streams }) => ({
 *       main: streams.events.keyBy('customer').sum('amount'),
 *     }));
 */
import type { DataStream } from '../api/data-stream.ts';
import type { StreamExecutionEnvironment } from '../api/environment.ts';

/** What the elements of the conformance suite's `datastream` family look like. `ts`: event time, epoch milliseconds. */
export interface ConformanceElement {
  readonly id: string;
  readonly k: string;
  readonly ts: number;
  readonly v: number;
  readonly type: string;
}

/** Input streams by name; they have timestamps and watermarks. */
export type ProgramStreams<S> = { readonly [N in keyof S]: DataStream<S[N]> };
/** What a program emits, by name of the output: any stream, side outputs included. */
export type ProgramOutputs = Readonly<Record<string, DataStream<unknown>>>;

export interface ProgramScope<S> {
  readonly streams: ProgramStreams<S>;
  readonly env: StreamExecutionEnvironment;
}

export interface Program {
  readonly __millraceProgram: 1;
  /** Called once for each process of a run. */
  build(
    env: StreamExecutionEnvironment,
    streams: Readonly<Record<string, DataStream<ConformanceElement>>>,
  ): ProgramOutputs;
}

/** `S`: the input streams' names and element types. */
export function defineProgram<S = { events: ConformanceElement; other: ConformanceElement }>(
  build: (scope: ProgramScope<S>) => ProgramOutputs,
): Program {
  return {
    __millraceProgram: 1,
    build: (env, streams) => build({ env, streams: streams as unknown as ProgramStreams<S> }),
  };
}
