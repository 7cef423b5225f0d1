/** Runs a job through a trial, over ports in memory; what it brought to its sinks, as lines of text. */
import { inspect } from 'node:util';
import type { JobModule } from '../../api/define-job.ts';
import type { BuildJob } from '../in-memory-job.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { EpochClock } from './epoch-clock.ts';
import type { Trial } from './trial.ts';

export interface JobInTrial {
  readonly job: BuildJob | JobModule;
  readonly config?: Readonly<Record<string, string>>;
  /** Processing time of an epoch. */
  readonly epochMs: number;
}

export interface TrialRun {
  readonly run: InMemoryRun;
  /** Of each sink: its rows. */
  readonly output: ReadonlyMap<string, readonly string[]>;
}

/** `like`: an undisturbed run of the same cut, whose ranges fanned-out epochs read. `byEpoch`: a row's epoch belongs to it. */
export async function runTrial(
  { job, config, epochMs }: JobInTrial,
  trial: Trial,
  like: InMemoryRun | null,
  byEpoch: boolean,
): Promise<TrialRun> {
  const clock = new EpochClock(epochMs);
  const { cut, packings, deaths, stopEvery, foldDue } = trial;
  const options: InMemoryOptions = {
    ...(config === undefined ? {} : { config }),
    rowsPerEpoch: cut,
    packings,
    crashAfter: deaths,
    clock,
    ...(stopEvery === null ? {} : { stopEvery }),
    ...(foldDue === null ? {} : { fold: { due: foldDue, overdue: foldDue + 2 } }),
    ...(like === null ? {} : { cutLike: like }),
    onEpoch: ({ epoch }) => {
      clock.epochs = epoch;
    },
  };
  const run = await runInMemory(job, options);
  const lines = (sink: string): string[] =>
    run.rows(sink).map(({ epoch, timestamp, value }) => {
      const text = `${valueText(value)} @ ${timestampText(timestamp)}`;
      return byEpoch ? `epoch ${String(epoch).padStart(4)}: ${text}` : text;
    });
  return { run, output: new Map(run.sinks.map((sink) => [sink, lines(sink).sort()])) };
}

function valueText(value: unknown): string {
  const all = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity, breakLength: Infinity } as const;
  return inspect(value, { ...all, sorted: true, compact: true });
}

function timestampText(timestamp: number): string {
  if (!Number.isFinite(timestamp) || Math.abs(timestamp) > 8.64e15) return 'no timestamp';
  return new Date(timestamp).toISOString();
}
