/**
 * Runs a job in this process: the fused runner and the coordinator over ports on disk, or in memory where no folder is given.
 * What `env.execute()`, `millrace run` and tests use.
 */
import { join } from 'node:path';
import { PUBLICATION_WAITS } from '../checkpoint/failures.ts';
import type { FoldLimits } from '../checkpoint/fold-policy.ts';
import type { Manifest, PlannedSplit } from '../checkpoint/records.ts';
import type { EpochMode } from '../model/epoch-mode.ts';
import { ConfigError, FencedError, InvariantError, messageOf } from '../model/errors.ts';
import type { RestartStrategy } from '../model/restart-strategy.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { StateStore } from '../ports/state-store.ts';
import type { StateTable } from '../ports/state-table.ts';
import { runJob } from '../runtime/coordinator.ts';
import type { CrashPoint } from '../runtime/crash-point.ts';
import { HybridRunner } from '../runtime/fan-out/hybrid-runner.ts';
import type { StragglerLimits } from '../runtime/fan-out/straggler-policy.ts';
import type { PeerPool, SubtaskPeer } from '../runtime/fan-out/subtask-peer.ts';
import { FusedRunner } from '../runtime/fused-runner.ts';
import type { RunnerOptions } from '../runtime/runner-options.ts';
import type { JobOptions, JobOutcome } from '../runtime/job-options.ts';
import { CommandWatch } from './command-watch.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { openDiskLog } from './disk-log.ts';
import { DiskStateStore } from './disk-state-store.ts';
import { JobLogFile } from './job-log-file.ts';
import { describeOwner, isAlive, leaseOwner } from './lease-owner.ts';
import { MemoryBlobStore } from './memory-blob-store.ts';
import { MemoryStateStore } from './memory-state-store.ts';
import { sayTo, type Saying } from './saying.ts';
import { SystemClock } from './system-clock.ts';
import { tableOf, type TableOptions, type TableSettings } from './table-of.ts';
import { WorkerPool } from './worker-pool.ts';

export interface EmbeddedSettings extends TableSettings {
  readonly epochMs: number;
  readonly timeoutMs: number;
  readonly minPauseMs: number;
  readonly retention: 'RETAIN_ON_CANCELLATION' | 'DELETE_ON_CANCELLATION';
  readonly restart: RestartStrategy;
  readonly stateDir: string | null;
}

export interface Ports {
  /** For jobs with the state backend `table`. */
  readonly table?: StateTable;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  readonly log: Log | null;
  readonly clock: Clock;
}

/** What worker threads build the job from. */
export interface WorkerModule {
  /** File URL of the job module. */
  readonly jobUrl: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** Threads that were started before (`startWorkers`), with the same module. */
  readonly pool?: WorkerPool;
}

/** Fanned-out epochs: on worker threads, each of which builds the job from its module, or in this thread (tests). */
export interface FanOutOptions {
  readonly mode: EpochMode;
  readonly workers: number;
  /** Tests: the splits' ranges of an epoch. */
  rangesOf?(epoch: number): readonly PlannedSplit[];
  /** Tests: subtasks of an operator in the next plan, at most `most`. */
  subtasksOf?(node: { readonly uid: string }, most: number): number;
  /** When a subtask is given to one more worker. */
  readonly stragglers?: StragglerLimits;
  readonly module: 'in-process' | WorkerModule;
}

export interface EmbeddedOptions extends TableOptions {
  /** Without it every epoch is fused. */
  readonly fanOut?: FanOutOptions;
  /** Begin a new run on the retained checkpoint. */
  readonly restore?: boolean;
  /** Finish the epoch, publish, release the lease. */
  readonly stop?: AbortSignal;
  /** Drop the epoch in work; what stays is what `retention` says. */
  readonly cancel?: AbortSignal;
  onEpoch?(manifest: Manifest): void;
  onNotice?(text: string, data: Readonly<Record<string, unknown>>): void;
  /** Instead of those that belong to `stateDir`: tests and other hosts. */
  readonly ports?: Ports;
  /** Rows per epoch at most, by epoch number if need be: chooses the cuts. */
  readonly maxRows?: number | ((epoch: number) => number);
  /** Subtasks per keyed stage, in this one process. */
  readonly subtasks?: number;
  /** Called at every named step of the protocol, the runner's included: tests throw InjectedCrash here. */
  readonly crashPoint?: (name: CrashPoint) => void;
  /** When the state's log is folded; tests fold early. */
  readonly fold?: FoldLimits;
  /** Default: this process. Tests that play several processes give each its own. */
  readonly lease?: JobOptions['lease'];
}

/** `paused`: a command asked for it, before this execution or during it. */
export type Ending = 'finished' | 'stopped' | 'paused' | 'cancelled' | 'finished before' | 'cancelled before';

export interface EmbeddedResult {
  readonly outcome: JobOutcome;
  readonly ending: Ending;
  readonly job: string;
  readonly epochs: number;
  readonly durationMs: number;
  /** Sums since the job's first epoch. */
  readonly counts: Readonly<Record<string, number>>;
  /** The last committed epoch's record, from this execution. */
  readonly manifest: Manifest | null;
  readonly longestPauseMs: number;
}

/** The ports of a state folder: `<dir>/state`, `<dir>/log`. */
export async function openPorts(stateDir: string | null): Promise<Ports> {
  const clock = new SystemClock();
  if (stateDir === null) return { store: new MemoryStateStore(), blobs: new MemoryBlobStore(), log: null, clock };
  const root = join(stateDir, 'state');
  return {
    store: new DiskStateStore(root),
    blobs: new DiskBlobStore(root),
    log: await openDiskLog(join(stateDir, 'log')),
    clock,
  };
}

/** Runs the job to its end, or until a signal or a command. Throws what failed it; a refusal or a fence is a FencedError. */
export async function runEmbedded(
  graph: RunnerOptions['graph'],
  settings: EmbeddedSettings,
  options: EmbeddedOptions = {},
): Promise<EmbeddedResult> {
  const own = options.ports === undefined ? settings.stateDir : null;
  const ports = options.ports ?? (await openPorts(settings.stateDir));
  const log = own === null ? null : new JobLogFile(own, graph.job);
  const say = sayTo(options, log);
  let commands: CommandWatch | null = null;
  try {
    // Only a folder is where others can leave commands.
    if (own !== null) commands = await watchCommands(graph.job, ports.store, options, say);
    log?.write('start', 'the job begins', { restore: options.restore ?? false, epochMs: settings.epochMs });
    const result = await runWatched(graph, settings, withCommands(options, commands), ports, say);
    const isPaused = result.ending === 'stopped' && commands?.stopSignal.aborted === true;
    const ending = isPaused ? 'paused' : result.ending;
    log?.write('end', ending, { epochs: result.epochs, durationMs: Math.round(result.durationMs) });
    return { ...result, ending };
  } catch (error) {
    log?.write('error', messageOf(error), { error });
    throw error;
  } finally {
    commands?.close();
    log?.close();
    if (options.ports === undefined) await ports.log?.close();
  }
}

async function watchCommands(
  job: string,
  store: StateStore,
  { restore = false, cancel }: EmbeddedOptions,
  say: Saying,
): Promise<CommandWatch | null> {
  // It is to be cancelled as it stands, paused or not.
  if (cancel?.aborted === true) return null;
  const onTrouble = (why: string): void => say.aloud('commands to this job cannot be read', { why });
  return await CommandWatch.begin({ store, job, restore, onTrouble });
}

function withCommands(options: EmbeddedOptions, commands: CommandWatch | null): EmbeddedOptions {
  if (commands === null) return options;
  const either = (own: AbortSignal | undefined, command: AbortSignal): AbortSignal =>
    own === undefined ? command : AbortSignal.any([own, command]);
  const isToEnd = commands.cancelSignal.aborted;
  return {
    ...options,
    stop: either(options.stop, commands.stopSignal),
    cancel: either(options.cancel, commands.cancelSignal),
    // What was to be cancelled before is cancelled; a new run begins after that.
    ...(isToEnd ? { restore: false } : {}),
  };
}

async function runWatched(
  graph: RunnerOptions['graph'],
  settings: EmbeddedSettings,
  options: EmbeddedOptions,
  ports: Ports,
  say: Saying,
): Promise<EmbeddedResult> {
  const { clock, blobs, store } = ports;
  const startedMs = clock.monotonicMs();
  const { maxRows = Number.MAX_SAFE_INTEGER } = options;
  const fused = fusedRunner(graph, ports, settings, options, say);
  const runner =
    options.fanOut === undefined ? fused : hybridRunner(fused, graph, ports, settings, options, options.fanOut, say);
  let manifest: Manifest | null = null;
  try {
    if (options.stop?.aborted !== true) {
      await fused.validate();
      for (const { text, sink } of fused.notices()) say.aloud(text, { sink });
    }
    const outcome = await runJob({
      job: graph.job,
      store,
      blobs,
      ...(ports.table === undefined ? {} : { table: ports.table }),
      clock,
      runner,
      lease: options.lease ?? { owner: leaseOwner(), isAlive },
      settings: {
        intervalMs: settings.epochMs,
        minPauseMs: settings.minPauseMs,
        timeoutMs: settings.timeoutMs,
        restartStrategy: settings.restart,
        onCancel: settings.retention === 'DELETE_ON_CANCELLATION' ? 'delete' : 'retain',
        maxRows: typeof maxRows === 'number' ? maxRows : Number.MAX_SAFE_INTEGER,
        restore: options.restore ?? false,
        hasDeadLetters: graph.hasDeadLetters,
        ...(options.fold === undefined ? {} : { fold: options.fold }),
      },
      onEpoch: (committed) => {
        manifest = committed;
        say.epoch(committed);
        options.onEpoch?.(committed);
      },
      onNotice: (text, data) => (text === PUBLICATION_WAITS ? say.aloud(text, data) : say.quietly(text, data)),
      ...(options.stop === undefined ? {} : { stop: options.stop }),
      ...(options.cancel === undefined ? {} : { cancel: options.cancel }),
      ...(options.crashPoint === undefined ? {} : { crashPoint: options.crashPoint.bind(options) }),
    });
    const { epochs } = outcome;
    const durationMs = clock.monotonicMs() - startedMs;
    const last = manifest as Manifest | null;
    refuse(graph.job, outcome);
    return {
      outcome,
      ending: endingOf(outcome),
      job: graph.job,
      epochs,
      durationMs,
      counts: last?.totals ?? {},
      manifest: last,
      longestPauseMs: fused.pauses.longestMs,
    };
  } finally {
    await runner.close();
  }
}

function fusedRunner(
  graph: RunnerOptions['graph'],
  ports: Ports,
  settings: EmbeddedSettings,
  options: EmbeddedOptions,
  say: Saying,
): FusedRunner {
  const { clock, blobs, log } = ports;
  return new FusedRunner({
    job: graph.job,
    graph,
    clock,
    blobs,
    log,
    ...(options.subtasks === undefined ? {} : { subtasks: options.subtasks }),
    ...(typeof options.maxRows === 'function' ? { maxRowsOf: options.maxRows } : {}),
    notice: say.aloud,
    ...crashPointOf(options),
    ...tableOf(graph.job, ports.table, settings, options),
  });
}

function crashPointOf({ crashPoint }: EmbeddedOptions): Pick<RunnerOptions, 'crashPoint'> {
  return crashPoint === undefined ? {} : { crashPoint };
}

function hybridRunner(
  fused: FusedRunner,
  graph: RunnerOptions['graph'],
  ports: Ports,
  settings: EmbeddedSettings,
  options: EmbeddedOptions,
  fanOut: FanOutOptions,
  say: Saying,
): HybridRunner {
  const { mode, workers, module } = fanOut;
  const { clock, blobs, log } = ports;
  const common = {
    graph,
    clock,
    mode,
    workers,
    onNotice: say.quietly,
    ...(fanOut.stragglers === undefined ? {} : { limits: fanOut.stragglers }),
    ...(fanOut.rangesOf === undefined ? {} : { rangesOf: fanOut.rangesOf.bind(fanOut) }),
    ...(fanOut.subtasksOf === undefined ? {} : { subtasksOf: fanOut.subtasksOf.bind(fanOut) }),
  };
  if (module === 'in-process') {
    const hosts = new Map<number, SubtaskPeer>();
    const table = tableOf(graph.job, ports.table, settings, options);
    const pool: PeerPool = {
      peer: async (index) => {
        // A job that only ever runs fused does not load what fanning out needs.
        const { SubtaskHost } = await import('../runtime/fan-out/subtask-host.ts');
        const host =
          hosts.get(index) ??
          new SubtaskHost({ job: graph.job, graph, clock, blobs, log, ...table, ...crashPointOf(options) }, index);
        hosts.set(index, host);
        return host;
      },
      close: async () => undefined,
    };
    return new HybridRunner(fused, { ...common, pool });
  }
  const pool = module.pool ?? workerPool(graph, settings, workers, module);
  return new HybridRunner(fused, { ...common, pool });
}

/** Worker threads for a job that is about to run, ready to work. `runEmbedded` closes them at the job's end. */
export async function startWorkers(
  graph: RunnerOptions['graph'],
  settings: EmbeddedSettings,
  workers: number,
  module: WorkerModule,
): Promise<WorkerPool> {
  const pool = workerPool(graph, settings, workers, module);
  await Promise.all(Array.from({ length: workers }, (_, i) => pool.peer(i)));
  return pool;
}

function workerPool(
  graph: RunnerOptions['graph'],
  { stateDir }: EmbeddedSettings,
  parallelism: number,
  { jobUrl, overrides }: WorkerModule,
): WorkerPool {
  if (stateDir === null) {
    throw new ConfigError(
      'worker threads share state through a folder: give the job one (millrace run --state DIR, or setCheckpointStorage).',
    );
  }
  return new WorkerPool({ jobUrl, overrides, job: graph.job, parallelism, graphHash: graph.hash, stateDir });
}

function endingOf(outcome: JobOutcome): Ending {
  if (outcome.kind === 'already') return outcome.phase === 'cancelled' ? 'cancelled before' : 'finished before';
  return outcome.kind === 'stopped' || outcome.kind === 'cancelled' ? outcome.kind : 'finished';
}

function refuse(job: string, outcome: JobOutcome): void {
  switch (outcome.kind) {
    case 'failed':
      throw outcome.error instanceof Error
        ? outcome.error
        : new InvariantError(`job "${job}" failed: ${outcome.reason}`);
    case 'fenced':
      throw new FencedError(
        `job "${job}" was taken over by ${describeFencer(outcome.by)}; this process stopped. Nothing was lost: the other one continues.`,
        { job },
      );
    case 'refused':
      throw new FencedError(
        `job "${job}" is already being run by ${describeOwner(outcome.owner)}. Stop that one first, or use another --state folder.`,
        { job },
      );
    case 'nothing-to-restore':
      throw new ConfigError(
        `job "${job}" has no checkpoint to restore in this state folder. Run it without --restore first, or name the folder that holds the checkpoint with --state.`,
      );
    default:
  }
}

/** A lease's owner where the head names one, else words already. */
function describeFencer(by: string): string {
  return by.split('/').length === 5 ? describeOwner(by) : by;
}
