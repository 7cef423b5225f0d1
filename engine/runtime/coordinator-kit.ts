/** Test code for the coordinator: memory ports, a clock whose sleeps are instant, and a runner that sums the numbers of its splits. */
import { stateOf } from '../checkpoint/build-plan.ts';
import { attemptObjectName, foldObjectName } from '../checkpoint/object-names.ts';
import { compareMarkers } from '../checkpoint/run-ids.ts';
import type { Ack, BaseRef, Manifest, ObjectRef, Plan, SegmentRef } from '../checkpoint/records.ts';
import { fixedDelay } from '../model/restart-strategy.ts';
import { CorruptionError, FencedError, UnknownOutcomeError } from '../model/errors.ts';
import { epoch, wallTimeMs, type AttemptId } from '../model/ids.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateStore, VersionedHead } from '../ports/state-store.ts';
import type { CrashPoint } from './crash-point.ts';
import type { EpochBudget, EpochRunner } from './epoch-runner.ts';
import type { JobOptions, JobSettings } from './job-options.ts';
import { readHead, readReachable } from './job-records.ts';

export class MemoryStates implements StateStore {
  head: VersionedHead | null = null;
  readonly items = new Map<string, Uint8Array>();
  casCount = 0;
  creates = 0;
  /** The nth compare-and-set (from 1) whose answer is lost: landed or not. */
  unknown: { at: number; landed: boolean } | null = null;
  async readHead(): Promise<VersionedHead | null> {
    return this.head;
  }
  async casHead(_job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'> {
    this.casCount++;
    const fault = this.unknown?.at === this.casCount ? this.unknown : null;
    if (fault !== null && !fault.landed) throw new UnknownOutcomeError('timed out');
    if ((this.head?.version ?? 0) !== expected) return 'lost';
    this.head = { version: expected + 1, bytes };
    if (fault !== null) throw new UnknownOutcomeError('timed out');
    return 'won';
  }
  async createItem(_job: string, key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if (this.items.has(key)) return 'exists';
    this.creates++;
    this.items.set(key, bytes);
    return 'created';
  }
  async readItem(_job: string, key: string): Promise<Uint8Array | null> {
    return this.items.get(key) ?? null;
  }
  async listItems(_job: string, prefix: string): Promise<readonly string[]> {
    return [...this.items.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
  async deleteItem(_job: string, key: string): Promise<void> {
    this.items.delete(key);
  }
  async listJobs(): Promise<readonly string[]> {
    return this.head === null ? [] : ['j'];
  }
}

export class MemoryBlobs implements BlobStore {
  readonly objects = new Map<string, Uint8Array>();
  async create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    if (this.objects.has(name)) return 'exists';
    this.objects.set(name, Buffer.concat(chunks));
    return 'created';
  }
  async read(name: string, from = 0, to?: number): Promise<Uint8Array | null> {
    return this.objects.get(name)?.slice(from, to) ?? null;
  }
  async list(prefix: string) {
    return [...this.objects]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, bytes]) => ({ name, size: bytes.length }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  async delete(name: string): Promise<void> {
    this.objects.delete(name);
  }
}

/** Time moves only by sleeping. */
export class InstantClock implements Clock {
  ms = 1_000_000;
  readonly slept: number[] = [];
  nowMs() {
    return wallTimeMs(this.ms);
  }
  monotonicMs(): number {
    return this.ms;
  }
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  }
  async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.ms += ms;
  }
}

/** One sink slot: records and marker in one transaction. */
export class MemorySink {
  marker: { run: string; epoch: number } | null = null;
  readonly out: number[] = [];
}

export interface KitWorld {
  readonly states: MemoryStates;
  readonly blobs: MemoryBlobs;
  readonly clock: InstantClock;
  readonly sink: MemorySink;
  /** Input of split 's/0' and so on. */
  readonly splits: number[][];
}

export const newWorld = (...splits: number[][]): KitWorld => ({
  states: new MemoryStates(),
  blobs: new MemoryBlobs(),
  clock: new InstantClock(),
  sink: new MemorySink(),
  splits,
});

export interface RunnerHooks {
  bounded?: boolean;
  /** Called at the start of each attempt; throws to fail it. */
  onRun?(plan: Plan, budget: EpochBudget): void;
  onPublish?(manifest: Manifest): void;
  /** Called when the job idles. */
  onIdle?(): void;
  crashPoint?(name: CrashPoint): void;
}

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

export class SummingRunner implements EpochRunner {
  readonly graphHash: string = 'graph';
  readonly plans: Plan[] = [];
  committedManifests = 0;
  readonly #world: KitWorld;
  readonly #hooks: RunnerHooks;
  constructor(world: KitWorld, hooks: RunnerHooks = {}) {
    this.#world = world;
    this.#hooks = hooks;
  }
  async discover() {
    return this.#world.splits.map((_, i) => ({ id: `s/${i}`, startPosition: 0 }));
  }
  subtasks() {
    return { fused: 1 };
  }

  async run(plan: Plan, attempt: AttemptId, budget: EpochBudget): Promise<{ ack: Ack; idle: boolean }> {
    this.plans.push(plan);
    let sum = await this.#sum(plan.state.base, plan.state.log);
    this.#hooks.onRun?.(plan, budget);
    const ranges: Ack['ranges'][number][] = [];
    const rows: number[] = [];
    for (const split of plan.splits) {
      const input = this.#world.splits[Number(split.id.slice(2))]!;
      let to = split.from;
      for (
        ;
        to < Math.min(input.length, split.to ?? Infinity) && (split.to !== null || rows.length < budget.maxRows);
        to++
      ) {
        if (!plan.skip.some((s) => s.split === split.id && s.position === to)) rows.push(input[to]!);
      }
      const ended = this.#hooks.bounded === true && to === input.length;
      ranges.push({
        id: split.id,
        from: split.from,
        to,
        state: {
          generators: {},
          watermark: 0,
          idleSince: to === split.from ? (split.state?.idleSince ?? plan.clock) : null,
          ended,
        },
      });
    }
    this.#hooks.crashPoint?.('run-middle');
    const ended = ranges.every((range) => range.state.ended);
    const idle = rows.length === 0 && plan.skip.length === 0;
    for (const row of rows) sum += row;
    const of = {
      job: 'j',
      run: plan.run,
      epoch: plan.epoch,
      generation: plan.generation,
      stage: 'fused',
      subtask: 0,
      attempt,
    };
    const segments: SegmentRef[] = [];
    const staged: Ack['staged'][number][] = [];
    if (!idle || ended) {
      const state = await this.#write(attemptObjectName(of, 'state'), { sum });
      segments.push({ object: state, epoch: plan.epoch, stage: 'fused', keyGroups: [0, 128] });
      staged.push({
        sink: 'out',
        slot: 0,
        records: rows.length,
        objects: [await this.#write(attemptObjectName(of, 'out-0'), rows)],
      });
      this.#hooks.crashPoint?.('segments-staged');
    }
    const nextTimers = { eventTime: null, processingTime: null };
    return {
      idle,
      ack: {
        format: 1,
        attempt,
        ranges,
        watermarks: { fused: 0 },
        segments,
        staged,
        counts: { recordsIn: rows.length },
        nextTimers,
        keys: { sum: 1 },
        ended,
      },
    };
  }

  committed(): void {
    this.committedManifests++;
  }

  async publish(manifest: Manifest): Promise<void> {
    this.#hooks.onPublish?.(manifest);
    const { sink } = this.#world;
    const mark = { run: manifest.run, epoch: manifest.epoch };
    if (sink.marker === null || (compareMarkers(sink.marker, mark) < 0 && sink.marker.run !== mark.run))
      throw new FencedError('the slot was not stamped for this run');
    if (compareMarkers(sink.marker, mark) >= 0) return;
    for (const slot of manifest.staged)
      for (const object of slot.objects) sink.out.push(...((await this.#read(object)) as number[]));
    sink.marker = mark;
    this.#hooks.crashPoint?.('slot-published');
  }

  async stamp(run: string, at: number): Promise<void> {
    const { sink } = this.#world;
    if (sink.marker !== null && sink.marker.run > run) throw new FencedError('stamped by a later run');
    if (sink.marker === null || sink.marker.run < run) sink.marker = { run, epoch: at };
  }

  async fold(base: BaseRef | null, log: readonly SegmentRef[], run: string, tag: string): Promise<BaseRef> {
    const object = await this.#write(foldObjectName('j', run, tag, 'base'), { sum: await this.#sum(base, log) });
    return { epoch: epoch(log.at(-1)?.epoch ?? 0), snapshots: [{ object, stage: 'fused', keyGroups: [0, 128] }] };
  }

  async waitForInput(timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.#hooks.onIdle?.();
    if (!signal.aborted) await this.#world.clock.sleep(timeoutMs);
  }
  async close(): Promise<void> {}

  /** Each segment holds the whole sum; what matters is that everything the plan names can be read. */
  async #sum(base: BaseRef | null, log: readonly SegmentRef[]): Promise<number> {
    const objects = [...(base?.snapshots ?? []), ...log].map((ref) => ref.object);
    let sum = 0;
    for (const object of objects) sum = ((await this.#read(object)) as { sum: number }).sum;
    return sum;
  }
  async #read(object: ObjectRef): Promise<unknown> {
    const bytes = 'blob' in object ? await this.#world.blobs.read(object.blob) : null;
    if (bytes === null) throw new CorruptionError('an object is missing');
    return JSON.parse(Buffer.from(bytes).toString());
  }
  async #write(blob: string, value: unknown): Promise<ObjectRef> {
    const bytes = bytesOf(value);
    await this.#world.blobs.create(blob, [bytes]);
    return { blob, bytes: bytes.length };
  }
}

const SETTINGS: JobSettings = {
  intervalMs: 1000,
  minPauseMs: 0,
  timeoutMs: 1000,
  restartStrategy: fixedDelay(5, 10),
  onCancel: 'retain',
  maxRows: 3,
  restore: false,
  hasDeadLetters: false,
};

let starts = 0;
/** Options of one start; every start has another owner, and all others are dead unless said otherwise. */
export function optionsOf(
  world: KitWorld,
  hooks: RunnerHooks = { bounded: true },
  settings: Partial<JobSettings> = {},
  more: Partial<JobOptions> = {},
): JobOptions & { runner: SummingRunner } {
  starts++;
  return {
    job: 'j',
    store: world.states,
    blobs: world.blobs,
    clock: world.clock,
    lease: { owner: `owner-${starts}`, isAlive: () => 'dead' },
    settings: { ...SETTINGS, ...settings },
    session: `s${starts}`,
    crashPoint: (name) => hooks.crashPoint?.(name),
    ...more,
    runner: new SummingRunner(world, hooks),
  };
}

export const upTo = (n: number, from = 0): number[] => Array.from({ length: n - from }, (_, i) => from + i);

export const headOf = async (world: KitWorld) => (await readHead(world.states, 'j'))!.head;

/** What the head leads to, and what is there. */
export async function storesOf(world: KitWorld): Promise<{ referred: string[]; objects: string[]; items: string[] }> {
  const { base } = await readReachable(world.states, await headOf(world));
  const state = stateOf(base);
  const referred = [...(state.base?.snapshots ?? []), ...state.log].map((ref) =>
    'blob' in ref.object ? ref.object.blob : '',
  );
  return {
    referred: referred.sort(),
    objects: [...world.blobs.objects.keys()].sort(),
    items: [...world.states.items.keys()],
  };
}
