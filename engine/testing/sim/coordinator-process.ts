/** One start of the real coordinator with the real fused runner, in a simulated process. */
import { foldWanted } from '../../checkpoint/fold-policy.ts';
import { fixedDelay } from '../../model/restart-strategy.ts';
import type { StateStore } from '../../ports/state-store.ts';
import { driveJob, type Carry, type Suspended } from '../../runtime/drive-job.ts';
import { HybridRunner, type HybridOptions } from '../../runtime/fan-out/hybrid-runner.ts';
import type { StageBudget } from '../../runtime/fan-out/staged/stage-budget.ts';
import type { StageTask } from '../../runtime/fan-out/staged/stage-records.ts';
import { stagedRunner } from '../../runtime/fan-out/staged/staged-runner.ts';
import { SubtaskHost } from '../../runtime/fan-out/subtask-host.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import type { JobOutcome, JobSettings } from '../../runtime/job-options.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import type { Decisions } from './decisions.ts';
import type { GraphSpec } from './graph-spec.ts';
import { storesOf, type JobInWorld } from './job-in-world.ts';
import type { Mutant } from './mutant.ts';
import { SimClock } from './sim-clock.ts';
import { SimPeers } from './sim-peers.ts';
import { SimProcess } from './sim-process.ts';
import type { SimTasks } from './sim-tasks.ts';
import { outsideOf, type Done } from './suspensions.ts';

export interface Running {
  readonly name: string;
  readonly process: SimProcess;
  /** It has met no fault. */
  readonly startedCalm: boolean;
  /** Kept by a warm container for the next start in it. */
  readonly fused: FusedRunner;
  readonly how: Start;
  readonly stop: AbortController;
  readonly cancel: AbortController;
}

/** What an invocation of a coordinator is given: the same once more where its answer was lost. */
export interface Start {
  readonly restore: boolean;
  /** Null: a session begins. */
  readonly carry: Carry | null;
  readonly done: Done | null;
}

export type Ended = { readonly outcome: JobOutcome | Suspended } | { readonly threw: unknown } | 'crashed';

export function settingsOf(d: Decisions, spec: GraphSpec, outside: boolean): JobSettings {
  const due = d.pick('set.foldDue', [0, 1, 3, 64]);
  return {
    intervalMs: d.pick('set.interval', [20, 60, 200]),
    minPauseMs: d.pick('set.pause', [0, 0, 30]),
    timeoutMs: d.pick('set.timeout', [400, 2000]),
    restartStrategy: fixedDelay(20, d.pick('set.restartMs', [5, 50])),
    onCancel: d.chance('set.delete', 0.2) ? 'delete' : 'retain',
    maxRows: d.pick('set.maxRows', [1, 3, 8, 1000]),
    restore: false,
    hasDeadLetters: spec.letters,
    leaseTtlMs: d.pick('set.ttl', [300, 1500]),
    fold: { due, overdue: due + d.pick('set.foldOver', [2, 100]), ...(outside ? { where: 'outside' } : {}) },
  };
}

/** `ended` is told once: the outcome, what the coordinator threw, or that its process died. `warm`: an earlier start in this process. */
export function startCoordinator(
  job: JobInWorld,
  name: string,
  how: Start,
  warm: Running | null,
  ended: (how: Ended) => void,
): Running {
  const { world, graph, settings, mutant } = job;
  const { restore, carry, done } = how;
  const process = warm?.process ?? new SimProcess(world, name);
  process.exited = false;
  const startedCalm = world.calm;
  job.processes.set(name, process);
  const clock = new SimClock(process, () => process.skewMs + world.jumpMs);
  const { store, blobs } = storesOf(process, mutant);
  // A new version of the job, to the protocol: the hash differs. And the parallelism may change from start to start.
  const version = world.d.chance(`${name}.upgraded`, 0.1) ? { ...graph, hash: `${graph.hash}-${name}` } : graph;
  const subtasks = world.d.chance(`${name}.repacked`, 0.2) ? 3 - job.spec.subtasks : job.spec.subtasks;
  const fused = warm?.fused ?? new FusedRunner({ job: world.job, graph: version, clock, blobs, log: null, subtasks });
  const options = { job: world.job, graph: version, clock, store, blobs, log: null };
  const workers = world.d.pick(`${name}.workers`, [0, 0, 1, 2, 3]);
  const mutated = mutant?.runner?.({ process, restore, store, blobs, runner: fused }) ?? fused;
  const runner =
    workers === 0
      ? mutated
      : hybridOf(process, name, mutated as FusedRunner, { ...options, workers, mutant, tasks: job.tasks });
  const stop = new AbortController();
  const cancel = new AbortController();
  let told = false;
  const tell = (how: Ended): void => {
    if (told) return;
    told = true;
    ended(how);
  };
  process.onCrash = () => tell('crashed');
  void driveJob({
    job: world.job,
    store,
    blobs,
    clock,
    runner,
    lease: { owner: name, isAlive: (owner) => knowledgeOf(job, name, owner) },
    settings: { ...settings, restore },
    session: name,
    incarnation: mutant?.incarnation ?? name,
    ...(carry === null ? {} : { resume: carry }),
    ...(job.suspends ? { outside: outsideOf(job, name, done) } : {}),
    crashPoint: () => {},
    stop: stop.signal,
    cancel: cancel.signal,
    onEpoch: (manifest) => {
      if (settings.fold?.where === 'outside' && foldWanted(manifest, settings.fold))
        job.folds(`${name}.fold${manifest.epoch}`);
    },
    onNotice: (text, data) => world.trace?.(`${name} notes: ${text} ${JSON.stringify(data)}`),
  }).then(
    (outcome) => {
      process.exited = true;
      tell({ outcome });
    },
    (threw: unknown) => {
      process.exited = true;
      tell({ threw });
    },
  );
  return { name, process, startedCalm, fused, how, stop, cancel };
}

interface HybridSetup extends RunnerOptions {
  readonly workers: number;
  readonly mutant: Mutant | null;
  readonly tasks: SimTasks | null;
  readonly store: StateStore;
}

/** Fused and fanned-out epochs in turns, as the seed has it; the workers live and die with the process. */
function hybridOf(
  process: SimProcess,
  name: string,
  fused: FusedRunner,
  { workers, mutant, tasks, store, ...options }: HybridSetup,
): HybridRunner {
  const { d } = process.world;
  let plans = 0;
  const common: HybridOptions = {
    graph: options.graph,
    clock: options.clock,
    workers,
    get mode() {
      return d.chance(`${name}.fannedOut${plans++}`, 0.6) ? 'fanned-out' : 'fused';
    },
    subtasksOf: (node, most) => d.between(`${name}.width${plans}.${node.uid}`, 1, most),
    limits: { factor: d.pick(`${name}.factor`, [1.5, 3]), floorMs: d.pick(`${name}.floor`, [5, 30, 200]) },
    onNotice: (text, data) => process.world.trace?.(`${name} notes: ${text} ${JSON.stringify(data)}`),
    pool: new SimPeers(process, name, (index) => new SubtaskHost(options, index), mutant),
  };
  if (tasks === null) return new HybridRunner(fused, common);
  const { job, graph } = options;
  return stagedRunner(
    fused,
    Object.assign(common, {
      job,
      store,
      invoke: (due: readonly StageTask[], budget: StageBudget) => tasks.invoke(graph, due, budget),
    }),
  );
}

/** Another host may not know; a wrong "dead" (a stolen lease) must be harmless, too. */
function knowledgeOf({ world, processes }: JobInWorld, asking: string, owner: string): 'alive' | 'dead' | 'unknown' {
  const process = processes.get(owner);
  const alive = process !== undefined && process.alive && !process.exited;
  if (!world.calm) {
    const u = world.d.unit(`${asking} knows ${owner}`);
    if (u < (process?.suspected === true ? 0.7 : 0.15)) return 'dead';
    if (u < 0.8) return 'unknown';
  }
  return alive ? 'alive' : 'dead';
}
