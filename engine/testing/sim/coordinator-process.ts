/** One start of the real coordinator with the real fused runner, in a simulated process. */
import type { JobGraph } from '../../graph/job-graph.ts';
import { fixedDelay } from '../../model/restart-strategy.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { StateStore } from '../../ports/state-store.ts';
import { runJob } from '../../runtime/coordinator.ts';
import { HybridRunner } from '../../runtime/fan-out/hybrid-runner.ts';
import { SubtaskHost } from '../../runtime/fan-out/subtask-host.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import type { JobOutcome, JobSettings } from '../../runtime/job-options.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import type { Decisions } from './decisions.ts';
import type { GraphSpec } from './graph-spec.ts';
import type { Mutant } from './mutant.ts';
import { SimClock } from './sim-clock.ts';
import { SimPeers } from './sim-peers.ts';
import { SimProcess } from './sim-process.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { World } from './world.ts';

export interface Running {
  readonly name: string;
  readonly process: SimProcess;
  /** It has met no fault. */
  readonly startedCalm: boolean;
  /** Kept by a warm container for the next start in it. */
  readonly fused: FusedRunner;
  readonly stop: AbortController;
  readonly cancel: AbortController;
}

export type Ended = { readonly outcome: JobOutcome } | { readonly threw: unknown } | 'crashed';

export interface JobInWorld {
  readonly world: World;
  readonly spec: GraphSpec;
  readonly graph: JobGraph;
  readonly settings: JobSettings;
  readonly mutant: Mutant | null;
  /** By the name of a start in them: the leases' owners. */
  readonly processes: Map<string, SimProcess>;
}

export function settingsOf(d: Decisions, spec: GraphSpec): JobSettings {
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
    fold: { due, overdue: due + d.pick('set.foldOver', [2, 100]) },
  };
}

/** `ended` is told once: the outcome, what the coordinator threw, or that its process died. `warm`: an earlier start in this process. */
export function startCoordinator(
  job: JobInWorld,
  name: string,
  restore: boolean,
  warm: Running | null,
  ended: (how: Ended) => void,
): Running {
  const { world, graph, settings, mutant } = job;
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
  const options = { job: world.job, graph: version, clock, blobs, log: null };
  const workers = world.d.pick(`${name}.workers`, [0, 0, 1, 2, 3]);
  const mutated = mutant?.runner?.({ process, restore, store, blobs, runner: fused }) ?? fused;
  const runner =
    workers === 0 ? mutated : hybridOf(process, name, mutated as FusedRunner, { ...options, workers, mutant });
  const stop = new AbortController();
  const cancel = new AbortController();
  let told = false;
  const tell = (how: Ended): void => {
    if (told) return;
    told = true;
    ended(how);
  };
  process.onCrash = () => tell('crashed');
  void runJob({
    job: world.job,
    store,
    blobs,
    clock,
    runner,
    lease: { owner: name, isAlive: (owner) => knowledgeOf(job, name, owner) },
    settings: { ...settings, restore },
    session: name,
    crashPoint: () => {},
    stop: stop.signal,
    cancel: cancel.signal,
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
  return { name, process, startedCalm, fused, stop, cancel };
}

/** Fused and fanned-out epochs in turns, as the seed has it; the workers live and die with the process. */
function hybridOf(
  process: SimProcess,
  name: string,
  fused: FusedRunner,
  { workers, mutant, ...options }: RunnerOptions & { readonly workers: number; readonly mutant: Mutant | null },
): HybridRunner {
  const { d } = process.world;
  let plans = 0;
  return new HybridRunner(fused, {
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
  });
}

/** The stores as the process sees them, a mutant in between. */
export function storesOf(
  process: SimProcess,
  mutant: Mutant | null,
): { readonly store: StateStore; readonly blobs: BlobStore } {
  const store = new SimStateStore(process);
  const blobs = new SimBlobStore(process);
  return { store: mutant?.store?.(store, process) ?? store, blobs: mutant?.blobs?.(blobs, process) ?? blobs };
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
