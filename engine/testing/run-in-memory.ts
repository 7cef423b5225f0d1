/**
 * Runs a job embedded, over ports in memory, with chosen cuts into epochs, chosen packing into subtasks, and chosen deaths: a crash
 * at the nth named step of the protocol, or a clean stop after k epochs. After each death a new "process" continues on the same ports.
 *
 *     const run = await runInMemory(({ env, sink }) => {
 *       env.fromData(1, 2, 3).map((n) => n * 2).sinkTo(sink('doubled'));
 *     }, { rowsPerEpoch: [1, 2], crashAfter: [7] });
 *     run.values('doubled') // [2, 4, 6]
 */
import type { JobModule } from '../api/define-job.ts';
import type { FoldLimits } from '../checkpoint/fold-policy.ts';
import type { Manifest, PlannedSplit } from '../checkpoint/records.ts';
import type { FanOutOptions } from '../embedded/executor.ts';
import { InvariantError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { InjectedCrash, type CrashPoint } from '../runtime/crash-point.ts';
import type { TableLimits } from '../runtime/table/table-backend.ts';
import type { CommittedRow } from './committed-rows.ts';
import { InMemoryJob, type BuildJob, type InMemoryJobOptions } from './in-memory-job.ts';
import { InstantClock } from './instant-clock.ts';

export type { JobScope } from './in-memory-job.ts';

export interface InMemoryOptions extends Pick<InMemoryJobOptions, 'config' | 'sources' | 'settings' | 'table'> {
  /** Rows per epoch; a list is gone through in a circle, by epoch number. Default: everything in one epoch. */
  readonly rowsPerEpoch?: number | readonly number[];
  readonly subtasks?: number;
  /** Fanned-out epochs over so many workers in this thread, instead of fused ones. */
  readonly workers?: number;
  /** How execution i is packed, in a circle; instead of `subtasks` and `workers`. */
  readonly packings?: readonly Packing[];
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
  readonly clock?: Clock;
  /** How much state may be in memory, with the state backend `table` (`settings`). */
  readonly tableLimits?: Partial<TableLimits>;
  onEpoch?(manifest: Manifest): void;
}

export interface Packing {
  readonly subtasks?: number;
  readonly workers?: number;
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

/** `workers` undefined: fused epochs, over the ranges of the other run. */
function fanOutOf(workers: number | undefined, { cutLike, widths }: InMemoryOptions): FanOutOptions {
  let asked = 0;
  const subtasksOf: FanOutOptions['subtasksOf'] = (_, most) =>
    widths === undefined ? most : Math.min(workers ?? 1, widths[asked++ % widths.length]!);
  const mode = workers === undefined ? 'fused' : 'fanned-out';
  const base = { mode, workers: workers ?? 1, module: 'in-process', subtasksOf } as const;
  if (cutLike === undefined) return base;
  return { ...base, rangesOf: rangesLike(cutLike) };
}

/** The ranges that another run read, planned ahead, by epoch. */
export function rangesLike({ manifests }: InMemoryRun): (epoch: number) => readonly PlannedSplit[] {
  return (epoch) => {
    const before = new Map(
      manifests.find((m) => m.epoch === epoch - 1)?.ranges.map((range) => [range.id, range.state]),
    );
    const { ranges } = manifests.find((m) => m.epoch === epoch)!;
    return ranges.map(({ id, from, to, state }) => ({
      id,
      from,
      to,
      state: before.get(id) ?? null,
      ...(state.ended ? { ends: true } : {}),
      ...(state.paused === true ? { paused: true } : {}),
    }));
  };
}

/** More is a job that does not get on. */
const MAX_EXECUTIONS = 10_000;

export async function runInMemory(job: BuildJob | JobModule, options: InMemoryOptions = {}): Promise<InMemoryRun> {
  const inMemory = new InMemoryJob(job, options.clock ?? new InstantClock(), options);
  const crashes: CrashPoint[] = [];
  let steps = 0;
  for (let execution = 0; execution < MAX_EXECUTIONS; execution++) {
    const dieAt = options.crashAfter?.[execution] ?? Infinity;
    const { packings = [options] } = options;
    const { subtasks, workers } = packings[execution % packings.length]!;
    const stop = new AbortController();
    let epochs = 0;
    steps = 0;
    try {
      const { outcome } = await inMemory.execute({
        maxRows: rowsOf(options.rowsPerEpoch),
        subtasks: subtasks ?? 1,
        ...(workers === undefined && options.cutLike === undefined ? {} : { fanOut: fanOutOf(workers, options) }),
        ...(options.fold === undefined ? {} : { fold: options.fold }),
        ...(options.tableLimits === undefined ? {} : { tableLimits: options.tableLimits }),
        stop: stop.signal,
        crashPoint: (name) => {
          if (++steps < dieAt) return;
          crashes.push(name);
          throw new InjectedCrash(name);
        },
        onEpoch: (manifest) => {
          options.onEpoch?.(manifest);
          if (++epochs === options.stopEvery) stop.abort();
        },
      });
      if (outcome.kind === 'stopped') continue;
    } catch (thrown) {
      if (thrown instanceof InjectedCrash) continue;
      throw thrown;
    }
    const { manifests, sinks } = inMemory;
    return {
      rows: (name) => inMemory.rows(name),
      values: (name) => inMemory.rows(name).map((row) => row.value),
      sinks,
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
