/**
 * One simulated run: a job, its input, and everything that can happen to it until the faults stop; then the job must come to its end,
 * whatever was sent must arrive, a last sweep must leave nothing behind, and what is in the sinks must be right.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import { InvariantError } from '../../model/errors.ts';
import { buildGraph } from './build-graph.ts';
import { settingsOf, startCoordinator, type Ended, type JobInWorld, type Running } from './coordinator-process.ts';
import { Decisions } from './decisions.ts';
import { duplicateAttempt, looseSweep } from './disturbances.ts';
import { profileOf, type Fault, type Profile } from './faults.ts';
import { graphSpecOf, type Graphs } from './draw-graph.ts';
import { sinksOf, type GraphSpec } from './graph-spec.ts';
import { ALL_ON } from './guards.ts';
import type { Mutant } from './mutant.ts';
import { checkResults } from './results.ts';
import { scriptOf } from './script.ts';
import { World } from './world.ts';

export interface SimOptions {
  readonly mutant?: Mutant | null;
  /** Faults and disturbances, by name, that are left out. */
  readonly without?: ReadonlySet<string>;
  /** Records per split at most. */
  readonly records?: number;
  readonly graphs?: Graphs;
  readonly change?: (spec: GraphSpec) => GraphSpec;
  readonly profile?: Profile;
  readonly trace?: (line: string) => void;
}

export interface SimResult {
  readonly seed: number;
  readonly broken: string | null;
  readonly faults: readonly Fault[];
  readonly events: number;
  readonly epochs: number;
  readonly records: number;
  readonly end: 'finished' | 'deleted' | 'question' | 'broken';
  readonly spec: GraphSpec;
}

const MAX_EVENTS = 60_000;
const MAX_STARTS = 60;
/** Kinds of what is done to a run from outside, and how likely each is to be tried at a moment. */
const DISTURBANCES = [
  'start',
  'restore',
  'stop',
  'cancel',
  'sweep',
  'sweep',
  'sweep',
  'duplicate',
  'duplicate',
  'jump',
  'expire',
  'kill',
] as const;

export async function simulate(seed: number, options: SimOptions = {}): Promise<SimResult> {
  const putBack = options.mutant?.patch?.();
  try {
    return await simulated(seed, options);
  } finally {
    putBack?.();
  }
}

async function simulated(seed: number, options: SimOptions): Promise<SimResult> {
  const d = new Decisions(seed);
  const drawn = graphSpecOf(d, options.graphs);
  const spec = options.change?.(drawn) ?? drawn;
  const profile = options.profile ?? profileOf(d);
  const script = scriptOf(d, spec.input, options.records ?? Infinity);
  const { mutant = null } = options;
  const world = new World(seed, {
    d,
    profile,
    script,
    sinkKinds: sinksOf(spec),
    sinkGuards: mutant?.sinks === undefined ? ALL_ON : { ...ALL_ON, ...mutant.sinks },
    without: options.without ?? new Set(),
    trace: options.trace ?? null,
  });
  world.batchRows = d.pick('batchRows', [1, 4, 1024]);
  world.maxParallelism = spec.maxParallelism;
  const graph: JobGraph = buildGraph(world.job, spec);
  const run = new Run({ world, spec, graph, settings: settingsOf(d, spec), mutant, processes: new Map() });
  const end = await run.toTheEnd();
  return {
    seed,
    broken: world.broken,
    faults: world.faults,
    events: world.queue.count,
    epochs: world.commits.length,
    records: script.reduce((n, source) => n + source.splits.reduce((m, split) => m + split.records.length, 0), 0),
    end: world.broken === null ? end : 'broken',
    spec,
  };
}

class Run {
  readonly #job: JobInWorld;
  readonly #running = new Set<Running>();
  #starts = 0;
  #pending = 0;
  #end: 'finished' | 'deleted' | 'question' | null = null;
  #questions = 0;

  constructor(job: JobInWorld) {
    this.#job = job;
  }

  async toTheEnd(): Promise<SimResult['end']> {
    const { world } = this.#job;
    const { d, queue } = world;
    this.#startLater(0, false);
    if (world.profile.untilMs > 0) {
      const n = d.pick('disturbances', [0, 4, 12]);
      for (let i = 0; i < n; i++)
        queue.schedule(d.below(`disturb${i}.at`, world.profile.untilMs), () => this.#disturb(`disturb${i}`));
    }
    queue.schedule(world.profile.untilMs, () => this.#calmDown());
    await queue.run(() => world.broken !== null || queue.count > MAX_EVENTS);
    if (world.broken !== null) return 'broken';
    if (queue.count > MAX_EVENTS) world.fail('no progress: the run does not come to an end');
    else if (this.#end === null)
      world.fail(
        `no progress: nothing happens any more, and the job is ${world.headRecord?.phase.kind ?? 'not there'}`,
      );
    if (world.broken === null) await checkResults(this.#job, this.#end!);
    return this.#end ?? 'broken';
  }

  /** All is done; unless someone has begun a new run since. */
  #isOver(): boolean {
    const kind = this.#job.world.headRecord?.phase.kind;
    if (this.#end === 'finished' && kind !== 'finished') this.#end = null;
    return this.#end !== null;
  }

  #calmDown(): void {
    const { world } = this.#job;
    world.calm = true;
    world.trace?.('CALM: nothing goes wrong any more');
    if (this.#running.size === 0 && this.#pending === 0 && !this.#isOver()) this.#startLater(1, false);
  }

  #startLater(delayMs: number, restore: boolean, warm: Running | null = null): void {
    if (this.#starts >= MAX_STARTS) {
      this.#job.world.fail(`no progress: ${MAX_STARTS} starts have not finished the job`);
      return;
    }
    const name = `p${++this.#starts}`;
    this.#pending++;
    this.#job.world.queue.schedule(delayMs, () => {
      this.#pending--;
      if (this.#isOver()) return;
      const container = warm?.process.alive === true ? warm : null;
      this.#job.world.trace?.(
        `${name} STARTS${restore ? ' (restore)' : ''}${container === null ? '' : ` in ${container.process.name}`}`,
      );
      const running: Running = startCoordinator(this.#job, name, restore, container, (how) =>
        this.#job.world.queue.schedule(0, () => {
          this.#running.delete(running);
          this.#ended(running, how);
        }),
      );
      this.#running.add(running);
      running.process.onPause = (ms) => this.#paused(running, ms);
    });
  }

  /** Whoever is not heard of is taken for dead, often enough: another one is started. */
  #paused({ process, name }: Running, ms: number): void {
    const { world } = this.#job;
    if (world.calm || ms < 300 || !world.d.chance(`${name}.suspected`, 0.6)) return;
    process.suspected = true;
    this.#startLater(world.d.between(`${name}.suspectedFor`, 5, 200), world.d.chance(`${name}.replacedByRestore`, 0.2));
  }

  #ended(running: Running, how: Ended): void {
    const { world } = this.#job;
    const { name } = running;
    if (how === 'crashed') {
      this.#again(running, false);
      return;
    }
    if ('threw' in how) {
      world.fail(`the coordinator threw: ${how.threw instanceof Error ? how.threw.stack : String(how.threw)}`);
      return;
    }
    const { outcome } = how;
    world.trace?.(`${name} ENDS ${outcome.kind}${'reason' in outcome ? `: ${outcome.reason}` : ''}`);
    switch (outcome.kind) {
      case 'finished':
        this.#finish();
        return;
      case 'already':
        if (outcome.phase === 'finished') this.#finish();
        else this.#restoreOrDeleted(running);
        return;
      case 'cancelled':
        if (world.headRecord === null) this.#again(running, false);
        else this.#restoreOrDeleted(running);
        return;
      case 'nothing-to-restore':
        if (world.headRecord?.phase.kind === 'cancelled') this.#end = 'deleted';
        else this.#again(running, false);
        return;
      case 'failed':
        this.#failed(running, outcome.error, outcome.reason);
        return;
      default:
        this.#again(running, false);
    }
  }

  #failed(running: Running, error: unknown, reason: string): void {
    const { world } = this.#job;
    if (error instanceof InvariantError && error.at['question'] === true) {
      if (!world.markersExpire) world.fail(`section 6: a question although no marker was lost: ${reason}`);
      // A person is asked. Starting it again must ask again, a restore too, and double nothing.
      if (++this.#questions > 2) this.#end = 'question';
      else this.#again(running, this.#questions === 2);
      return;
    }
    if (error instanceof InvariantError) world.fail(`a bug: ${error.message}`);
    else if (running.startedCalm && this.#running.size === 0)
      world.fail(`failed although nothing goes wrong any more: ${reason}`);
    else this.#again(running, false);
  }

  #finish(): void {
    const kind = this.#job.world.headRecord?.phase.kind;
    if (kind !== 'finished') {
      // A restore may have begun since.
      if (this.#running.size === 0 && this.#pending === 0) this.#startLater(1, false);
      return;
    }
    this.#end = 'finished';
  }

  #restoreOrDeleted(running: Running): void {
    const { world } = this.#job;
    const head = world.headRecord;
    if (head?.phase.kind === 'cancelled' && head.manifest === null) this.#end = 'deleted';
    else this.#again(running, head?.phase.kind === 'cancelled');
  }

  #again({ name, ...was }: Running, restore: boolean): void {
    const { world } = this.#job;
    // While another one runs, nobody is missed.
    if (this.#isOver() || this.#pending > 0 || [...this.#running].some((running) => running.process.alive)) return;
    const warm = world.d.chance(`${name}.warm`, 0.4) ? { name, ...was } : null;
    this.#startLater(world.d.between(`${name}.again`, 1, world.calm ? 50 : 400), restore, warm);
  }

  #disturb(name: string): void {
    const { world, mutant } = this.#job;
    const { d, queue } = world;
    if (world.calm || world.without.has(name) || this.#isOver()) return;
    const kind = d.pick(`${name}.kind`, DISTURBANCES);
    const [victim] = [...this.#running].slice(d.below(`${name}.victim`, Math.max(1, this.#running.size)));
    world.faults.push({ name, kind: 'pause' });
    world.trace?.(`DISTURBANCE ${name}: ${kind} ${victim?.process.name ?? ''}`);
    switch (kind) {
      case 'start':
      case 'restore':
        this.#startLater(0, kind === 'restore');
        return;
      case 'stop':
        victim?.stop.abort();
        if (d.chance(`${name}.swept`, 0.5))
          queue.schedule(d.below(`${name}.sweptAt`, 250), () => void looseSweep(world, `${name}.sweeper`, mutant));
        return;
      case 'cancel':
        victim?.cancel.abort();
        return;
      case 'kill':
        victim?.process.crash();
        return;
      case 'jump':
        world.jumpMs += d.pick(`${name}.jump`, [-100_000, -500, 700, 50_000]);
        return;
      case 'expire':
        if (d.chance(`${name}.really`, 0.3) && world.commits.length > 0) {
          world.markersExpire = true;
          for (const sink of world.sinkKinds.keys()) world.loseMarker(sink);
        }
        return;
      case 'sweep':
        void looseSweep(world, `${name}.sweeper`, mutant);
        return;
      case 'duplicate':
        void duplicateAttempt(this.#job, `${name}.duplicate`);
    }
  }
}
