/** One start of the real coordinator with the real fused runner, in a simulated process. */
import type { JobGraph } from '../../graph/job-graph.ts';
import { fixedDelay } from '../../model/restart-strategy.ts';
import { runJob } from '../../runtime/coordinator.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import type { JobOutcome, JobSettings } from '../../runtime/job-options.ts';
import type { Decisions } from './decisions.ts';
import type { GraphSpec } from './graph-spec.ts';
import type { Mutant } from './mutant.ts';
import { SimClock } from './sim-clock.ts';
import { SimProcess } from './sim-process.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { World } from './world.ts';

export interface Running {
  readonly process: SimProcess;
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

/** `ended` is told once: the outcome, what the coordinator threw, or that its process died. */
export function startCoordinator(job: JobInWorld, name: string, restore: boolean, ended: (how: Ended) => void): Running {
  const { world, graph, settings, mutant } = job;
  const process = new SimProcess(world, name);
  world.processes.set(name, process);
  const clock = new SimClock(process, () => process.skewMs + world.jumpMs);
  const stores = { store: new SimStateStore(process), blobs: new SimBlobStore(process) };
  const store = mutant?.store?.(stores.store, process) ?? stores.store;
  const blobs = mutant?.blobs?.(stores.blobs, process) ?? stores.blobs;
  const { subtasks } = job.spec;
  const fused = new FusedRunner({ job: world.job, graph, clock, blobs, log: null, subtasks });
  const runner = mutant?.runner?.({ process, restore, store, blobs, runner: fused }) ?? fused;
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
    lease: { owner: name, isAlive: (owner) => knowledgeOf(world, name, owner) },
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
  return { process, stop, cancel };
}

/** Another host may not know; a wrong "dead" (a stolen lease) must be harmless, too. */
function knowledgeOf(world: World, asking: string, owner: string): 'alive' | 'dead' | 'unknown' {
  const process = world.processes.get(owner);
  const alive = process !== undefined && process.alive && !process.exited;
  if (!world.calm) {
    const u = world.d.unit(`${asking} knows ${owner}`);
    if (u < 0.15) return 'dead';
    if (u < 0.5) return 'unknown';
  }
  return alive ? 'alive' : 'dead';
}
