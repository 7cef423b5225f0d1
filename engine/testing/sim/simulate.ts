/**
 * One simulated run: a job, its input, and everything that can happen to it until the faults stop; then the job must come to its end,
 * whatever was sent must arrive, a last sweep must leave nothing behind, and what is in the sinks must be right.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import { InvariantError } from '../../model/errors.ts';
import type { ObjectRef } from '../../checkpoint/records.ts';
import { buildGraph } from './build-graph.ts';
import type { Suspended } from '../../runtime/drive-job.ts';
import { settingsOf, startCoordinator, type Ended, type Running, type Start } from './coordinator-process.ts';
import type { JobInWorld } from './job-in-world.ts';
import { Decisions } from './decisions.ts';
import { duplicateAttempt, looseSweep } from './disturbances.ts';
import { profileOf, type Fault, type Profile } from './faults.ts';
import { graphSpecOf, type Graphs } from './draw-graph.ts';
import { sinksOf, type GraphSpec } from './graph-spec.ts';
import { ALL_ON } from './guards.ts';
import type { Mutant } from './mutant.ts';
import { checkResults } from './results.ts';
import { scriptOf } from './script.ts';
import { doneElsewhere, foldElsewhere } from './suspensions.ts';
import { SimTasks } from './sim-tasks.ts';
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
  /** How often a session went on with another driver. */
  readonly resumes: number;
  /** Epochs on a base that somebody had folded outside. */
  readonly adopted: number;
  readonly end: 'finished' | 'deleted' | 'question' | 'broken';
  readonly spec: GraphSpec;
}

const MAX_EVENTS = 60_000;
const MAX_STARTS = 60;
const MAX_RESUMES = 1000;
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
  // Seeds that found something in plain graphs stay what they were.
  const plain = options.graphs === 'plain';
  const settings = settingsOf(d, spec, !plain && d.chance('set.foldsOutside', 0.4));
  const suspends = !plain && d.chance('set.suspends', 0.4);
  const run = new Run({
    world,
    spec,
    graph,
    settings,
    suspends,
    tasks: !plain && mutant === null && d.chance('set.staged', 0.4) ? new SimTasks(world) : null,
    mutant,
    processes: new Map(),
    folds: (name) => run.fold(name),
  });
  const end = await run.toTheEnd();
  return {
    seed,
    broken: world.broken,
    faults: world.faults,
    events: world.queue.count,
    epochs: world.commits.length,
    records: script.reduce((n, source) => n + source.splits.reduce((m, split) => m + split.records.length, 0), 0),
    resumes: run.resumes,
    adopted: world.commits.filter((m) => m.state.base?.snapshots.some(({ object }) => isFoldedOutside(object))).length,
    end: world.broken === null ? end : 'broken',
    spec,
  };
}

/** By the word in its name. */
const isFoldedOutside = (object: ObjectRef): boolean => 'blob' in object && object.blob.includes('.fold');

class Run {
  readonly #job: JobInWorld;
  readonly #running = new Set<Running>();
  #starts = 0;
  resumes = 0;
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

  /** Of one who folds, sometimes two at once, sometimes much later. */
  fold(name: string): void {
    const { world } = this.#job;
    const { d, queue } = world;
    for (const each of d.chance(`${name}.twice`, 0.2) ? [`${name}a`, `${name}b`] : [name]) {
      const delayMs = d.chance(`${each}.late`, 0.2) ? world.longMs(each) : d.between(`${each}.at`, 0, 40);
      queue.schedule(delayMs, () => void foldElsewhere(this.#job, each));
    }
  }

  #startLater(delayMs: number, restore: boolean, warm: Running | null = null): void {
    if (this.#starts >= MAX_STARTS) {
      this.#job.world.fail(`no progress: ${MAX_STARTS} starts have not finished the job`);
      return;
    }
    this.#start(`p${++this.#starts}`, delayMs, { restore, carry: null, done: null }, warm);
  }

  /** Once more, for a session that was suspended, or for an invocation whose answer was lost. */
  #resumeLater(delayMs: number, how: Start, warm: Running | null): void {
    if (++this.resumes > MAX_RESUMES) this.#job.world.fail(`no progress: resumed ${MAX_RESUMES} times`);
    else this.#start(`r${this.resumes}`, delayMs, how, warm);
  }

  #start(name: string, delayMs: number, how: Start, warm: Running | null): void {
    this.#pending++;
    this.#job.world.queue.schedule(delayMs, () => {
      this.#pending--;
      if (this.#isOver()) return;
      const container = warm?.process.alive === true ? warm : null;
      this.#job.world.trace?.(
        `${name} STARTS${how.restore ? ' (restore)' : ''}${how.carry === null ? '' : ` (session ${how.carry.session})`}${container === null ? '' : ` in ${container.process.name}`}`,
      );
      const running: Running = startCoordinator(this.#job, name, how, container, (ending) =>
        this.#job.world.queue.schedule(0, () => {
          this.#running.delete(running);
          this.#ended(running, ending);
        }),
      );
      this.#running.add(running);
      running.process.onPause = (ms) => this.#paused(running, ms);
    });
  }

  /** Whoever is not heard of is taken for dead, often enough: another one is started. */
  #paused({ process, name, how }: Running, ms: number): void {
    const { world } = this.#job;
    if (world.calm || ms < 300 || !world.d.chance(`${name}.suspected`, 0.6)) return;
    process.suspected = true;
    if (this.#job.suspends && world.d.chance(`${name}.again`, 0.5)) {
      // Whoever waits for its answer gives up, and invokes the same once more.
      this.#resumeLater(world.d.between(`${name}.suspectedFor`, 5, 200), how, null);
      return;
    }
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
      case 'suspended':
        this.#suspended(running, outcome);
        return;
      case 'fenced':
        // By another driver of its own session: that one's answer may have been lost, so it is asked for once more.
        if (running.how.carry !== null && outcome.session === running.how.carry.session && !this.#isWatched())
          this.#resumeLater(1, running.how, null);
        else this.#again(running, false);
        return;
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

  #suspended(running: Running, { carry, waitMs }: Suspended): void {
    const { world } = this.#job;
    const { d } = world;
    const { name } = running;
    if (!world.calm && d.chance(`${name}.answerLost`, 0.15)) {
      this.#resumeLater(d.between(`${name}.retriedAfter`, 1, 60), running.how, null);
      return;
    }
    const restore = carry.start === 'restore';
    const warm = d.chance(`${name}.warm`, 0.4) ? running : null;
    this.#pending++;
    void doneElsewhere(this.#job, `${name}.elsewhere`, carry).then((done) => {
      this.#pending--;
      this.#resumeLater(waitMs + d.between(`${name}.goesOn`, 0, 30), { restore, carry, done }, warm);
      if (!world.calm && d.chance(`${name}.twice`, 0.15))
        this.#resumeLater(
          waitMs + d.pick(`${name}.twiceAt`, [1, 15, world.longMs(`${name}.late`)]),
          { restore, carry, done: null },
          null,
        );
    });
  }

  /** Is somebody at work, or about to be? */
  #isWatched(): boolean {
    return this.#pending > 0 || [...this.#running].some((running) => running.process.alive);
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
    if (this.#isOver() || this.#isWatched()) return;
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
