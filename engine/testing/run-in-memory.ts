/**
 * Runs a job embedded, over ports in memory, with chosen cuts into epochs, chosen packing into subtasks, and chosen deaths: a crash
 * at the nth named step of the protocol, or a clean stop after k epochs. After each death a new "process" continues on the same ports.
 *
 *     const run = await runInMemory(({ env, sink }) => {
 *       env.fromData(1, 2, 3).map((n) => n * 2).sinkTo(sink('doubled'));
 *     }, { rowsPerEpoch: [1, 2], crashAfter: [7] });
 *     run.values('doubled') // [2, 4, 6]
 */
import { StreamExecutionEnvironment } from '../api/environment.ts';
import type { FoldLimits } from '../checkpoint/fold-policy.ts';
import type { Manifest } from '../checkpoint/records.ts';
import { runEmbedded, type FanOutOptions, type Ports } from '../embedded/executor.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../embedded/memory-state-store.ts';
import { InvariantError } from '../model/errors.ts';
import { InjectedCrash, type CrashPoint } from '../runtime/crash-point.ts';
import type { Sink } from '../ports/sink.ts';
import { CommittedRows, type CommittedRow } from './committed-rows.ts';
import { InstantClock } from './instant-clock.ts';

export interface JobScope {
  readonly env: StreamExecutionEnvironment;
  /** The sink of this name: the same one in every execution. */
  readonly sink: <T>(name: string) => Sink<T>;
}

export interface InMemoryOptions {
  /** Rows per epoch; a list is gone through in a circle, by epoch number. Default: everything in one epoch. */
  readonly rowsPerEpoch?: number | readonly number[];
  readonly subtasks?: number;
  /** Fanned-out epochs over so many workers in this thread, instead of fused ones. */
  readonly workers?: number;
  /** How many of the workers an operator gets, gone through in a circle, operator by operator and plan by plan. Default: all. */
  readonly widths?: readonly number[];
  /** The ranges that another run read, by epoch: the same cut. */
  readonly cutLike?: InMemoryRun;
  /** Execution i dies at its crashAfter[i]-th named step; executions after the list live. */
  readonly crashAfter?: readonly number[];
  /** Stop after so many epochs and go on in a new process, until the job has finished. */
  readonly stopEvery?: number;
  /** When the log is folded. Default: as in production. */
  readonly fold?: FoldLimits;
  readonly clock?: InstantClock;
  onEpoch?(manifest: Manifest): void;
}

export interface InMemoryRun {
  /** Rows of a sink, in the order of their publication. */
  rows(sink: string): readonly CommittedRow[];
  values(sink: string): unknown[];
  readonly sinks: readonly string[];
  readonly manifests: readonly Manifest[];
  /** Sums since the job's first epoch. */
  readonly counts: Readonly<Record<string, number>>;
  /** Steps at which executions died. */
  readonly crashes: readonly CrashPoint[];
  /** Named steps of the last execution. */
  readonly steps: number;
}

function fanOutOf(workers: number, { cutLike, widths }: InMemoryOptions): FanOutOptions {
  let asked = 0;
  const subtasksOf: FanOutOptions['subtasksOf'] = (_, most) =>
    widths === undefined ? most : Math.min(workers, widths[asked++ % widths.length]!);
  const base = { mode: 'fanned-out', workers, module: 'in-process', subtasksOf } as const;
  if (cutLike === undefined) return base;
  return {
    ...base,
    rangesOf: (epoch) => {
      const before = new Map(
        cutLike.manifests.find((m) => m.epoch === epoch - 1)?.ranges.map((range) => [range.id, range.state]),
      );
      const { ranges } = cutLike.manifests.find((m) => m.epoch === epoch)!;
      return ranges.map(({ id, from, to, state }) => ({
        id,
        from,
        to,
        state: before.get(id) ?? null,
        ...(state.ended ? { ends: true } : {}),
      }));
    },
  };
}

/** More is a job that does not get on. */
const MAX_EXECUTIONS = 10_000;

export async function runInMemory(
  build: (scope: JobScope) => void,
  options: InMemoryOptions = {},
): Promise<InMemoryRun> {
  const clock = options.clock ?? new InstantClock();
  const ports: Ports = { store: new MemoryStateStore(), blobs: new MemoryBlobStore(), log: null, clock };
  const sinks = new Map<string, CommittedRows<unknown>>();
  const manifests: Manifest[] = [];
  const crashes: CrashPoint[] = [];
  const sinkOf = <T>(name: string): Sink<T> => {
    let sink = sinks.get(name);
    if (sink === undefined) sinks.set(name, (sink = new CommittedRows<unknown>()));
    return sink;
  };
  let steps = 0;
  for (let execution = 0; execution < MAX_EXECUTIONS; execution++) {
    const env = new StreamExecutionEnvironment('job').enableCheckpointing(1000);
    build({ env, sink: sinkOf });
    const dieAt = options.crashAfter?.[execution] ?? Infinity;
    const stop = new AbortController();
    let epochs = 0;
    steps = 0;
    try {
      const { outcome } = await runEmbedded(env.toJobGraph(), env.settings(), {
        ports,
        maxRows: rowsOf(options.rowsPerEpoch),
        subtasks: options.subtasks ?? 1,
        ...(options.workers === undefined ? {} : { fanOut: fanOutOf(options.workers, options) }),
        ...(options.fold === undefined ? {} : { fold: options.fold }),
        stop: stop.signal,
        lease: { owner: `execution-${execution}`, isAlive: () => 'dead' },
        crashPoint: (name) => {
          if (++steps < dieAt) return;
          crashes.push(name);
          throw new InjectedCrash(name);
        },
        onEpoch: (manifest) => {
          manifests.push(manifest);
          options.onEpoch?.(manifest);
          if (++epochs === options.stopEvery) stop.abort();
        },
      });
      if (outcome.kind === 'stopped') continue;
    } catch (thrown) {
      if (thrown instanceof InjectedCrash) continue;
      throw thrown;
    }
    return {
      rows: (name) => sinks.get(name)?.rows ?? [],
      values: (name) => (sinks.get(name)?.rows ?? []).map((row) => row.value),
      sinks: [...sinks.keys()].sort(),
      manifests,
      counts: manifests.at(-1)?.totals ?? {},
      crashes,
      steps,
    };
  }
  throw new InvariantError(`the job had not finished after ${MAX_EXECUTIONS} executions`);
}

function rowsOf(rowsPerEpoch: InMemoryOptions['rowsPerEpoch']): (epoch: number) => number {
  if (rowsPerEpoch === undefined) return () => Infinity;
  const list = typeof rowsPerEpoch === 'number' ? [rowsPerEpoch] : rowsPerEpoch;
  return (epoch) => list[epoch % list.length]!;
}
