/** A job over ports in memory whose epochs are staged (runtime/fan-out/staged): the third way to run it, beside fused and fanned out. */
import type { FoldLimits } from '../../checkpoint/fold-policy.ts';
import type { Manifest } from '../../checkpoint/records.ts';
import { InvariantError } from '../../model/errors.ts';
import { fixedDelay } from '../../model/restart-strategy.ts';
import { runJob } from '../../runtime/coordinator.ts';
import { InjectedCrash } from '../../runtime/crash-point.ts';
import { stagedRunner } from '../../runtime/fan-out/staged/staged-runner.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import type { CommittedRow } from '../committed-rows.ts';
import { InMemoryJob, type BuildJob } from '../in-memory-job.ts';
import { InstantClock } from '../instant-clock.ts';
import { rangesLike, type InMemoryRun } from '../run-in-memory.ts';
import { Decisions } from '../sim/decisions.ts';
import type { TableBackend } from '../../runtime/table/table-backend.ts';
import { TaskPlatform, type PlatformOptions } from './task-platform.ts';

export interface StagedOptions {
  readonly seed: number;
  /** Subtasks of an operator, gone through in a circle, operator by operator and plan by plan. */
  readonly widths: readonly number[];
  /** The ranges that another run read, by epoch. Absent: subtasks decide for themselves how far they read. */
  readonly cutLike?: InMemoryRun;
  /** Rows that a subtask of the sources reads in an epoch. */
  readonly rowsPerSubtask?: number;
  readonly troubles?: PlatformOptions['troubles'];
  readonly containers?: number;
  /** Some epochs are fused. */
  readonly mixed?: boolean;
  /** Execution i of the coordinator dies at its crashAfter[i]-th named step. */
  readonly crashAfter?: readonly number[];
  readonly fold?: FoldLimits;
  readonly timeoutMs?: number;
  readonly clock?: InstantClock;
  /** Default: all state is in memory. */
  readonly table?: TableBackend;
}

export interface StagedRun {
  rows(sink: string): readonly CommittedRow[];
  readonly sinks: readonly string[];
  readonly manifests: readonly Manifest[];
  readonly counts: Readonly<Record<string, number>>;
  readonly platform: Pick<TaskPlatform, 'outcomes' | 'deaths'>;
  readonly ports: InMemoryJob['ports'];
}

const CALM = { doubled: 0, late: 0, dies: 0 };
const MAX_EXECUTIONS = 1000;

export async function runStaged(job: BuildJob, options: StagedOptions): Promise<StagedRun> {
  const clock = options.clock ?? new InstantClock();
  const inMemory = new InMemoryJob(job, clock);
  const d = new Decisions(options.seed);
  const { store, blobs } = inMemory.ports;
  const platform = new TaskPlatform({
    clock,
    store,
    blobs,
    d,
    troubles: options.troubles ?? CALM,
    containers: options.containers ?? 3,
    graph: () => inMemory.build().graph,
    ...(options.table === undefined ? {} : { table: options.table }),
  });
  for (let execution = 0; execution < MAX_EXECUTIONS; execution++) {
    try {
      await execute(inMemory, clock, platform, d, options, execution);
    } catch (thrown) {
      if (thrown instanceof InjectedCrash) continue;
      throw thrown;
    }
    await platform.invokeLate();
    await platform.close();
    const { manifests, sinks, ports } = inMemory;
    const counts = manifests.at(-1)?.totals ?? {};
    return { rows: (name) => inMemory.rows(name), sinks, manifests, counts, platform, ports };
  }
  throw new InvariantError(`the job had not finished after ${MAX_EXECUTIONS} executions`);
}

async function execute(
  inMemory: InMemoryJob,
  clock: InstantClock,
  platform: TaskPlatform,
  d: Decisions,
  options: StagedOptions,
  execution: number,
): Promise<void> {
  const { store, blobs } = inMemory.ports;
  const { graph, settings } = inMemory.build();
  const { widths, cutLike, fold } = options;
  let asked = execution;
  let plans = 0;
  let steps = 0;
  const dieAt = options.crashAfter?.[execution] ?? Infinity;
  const crashPoint = (name: string): void => {
    if (++steps >= dieAt) throw new InjectedCrash(name);
  };
  const state = options.table === undefined ? {} : { table: options.table };
  const fused = new FusedRunner({ job: graph.job, graph, clock, blobs, log: null, crashPoint, ...state });
  const runner = stagedRunner(fused, {
    job: graph.job,
    graph,
    clock,
    store,
    workers: Math.max(...widths),
    get mode() {
      const isFused = options.mixed === true && d.chance(`execution ${execution} fused ${++plans}`, 0.3);
      return isFused ? 'fused' : 'fanned-out';
    },
    subtasksOf: () => widths[asked++ % widths.length]!,
    ...(cutLike === undefined ? {} : { rangesOf: rangesLike(cutLike) }),
    invoke: (tasks, budget) => platform.invoke(tasks, budget),
  });
  const outcome = await runJob({
    job: graph.job,
    store,
    blobs,
    clock,
    runner,
    lease: { owner: `execution-${execution}`, isAlive: () => 'dead' },
    settings: {
      intervalMs: settings.epochMs,
      minPauseMs: settings.minPauseMs,
      timeoutMs: options.timeoutMs ?? settings.timeoutMs,
      restartStrategy: fixedDelay(100, 1),
      onCancel: 'retain',
      maxRows: options.rowsPerSubtask ?? Number.MAX_SAFE_INTEGER,
      restore: false,
      hasDeadLetters: graph.hasDeadLetters,
      ...(fold === undefined ? {} : { fold }),
    },
    onEpoch: (manifest) => inMemory.manifests.push(manifest),
    crashPoint,
    session: `s${execution}`,
  });
  await runner.close();
  if (outcome.kind === 'failed') throw outcome.error;
  if (outcome.kind !== 'finished' && outcome.kind !== 'already')
    throw new InvariantError(`the job has not finished: ${outcome.kind}`);
}
