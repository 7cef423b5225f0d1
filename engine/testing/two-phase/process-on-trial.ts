/**
 * One process that publishes, every step of which can be its last, or can be answered by an error, or can let others act first. Steps
 * are the calls of the sink's own methods and of the ledger's store, each before and after it takes effect.
 */
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Publication, Sink, SinkContext, SinkPublisher } from '../../ports/sink.ts';
import { ManualClock } from '../manual-clock.ts';
import type { TimeLimit } from './time-limit.ts';

/** What `disturb` does at a step: nothing, or it throws. */
export type Disturb = (step: string) => Promise<void>;

const USER_METHODS: ReadonlySet<string> = new Set([
  ...['prepare', 'commit', 'abort'],
  ...['beginTransaction', 'invoke', 'preCommit', 'isCommitted'],
]);

class Died extends Error {}

/** What outlives processes: the ledger's objects and the clock. (The target is the user's.) */
export class WorldOnTrial {
  readonly blobs: BlobStore = new MemoryBlobStore();
  readonly clock: ManualClock = new ManualClock();
  readonly limit: TimeLimit;
  constructor(limit: TimeLimit) {
    this.limit = limit;
  }
}

export class ProcessOnTrial<T, S extends Sink<T>> {
  dead = false;
  /** The step at which it was disturbed. */
  disturbedAt: string | null = null;
  /** What the last publication threw. */
  failure: unknown = null;
  readonly sink: S;
  private readonly onSteps: S;
  private readonly ctx: SinkContext;
  private readonly limit: TimeLimit;
  private readonly disturb: Disturb;
  private readonly atStep: number;
  private steps = 0;
  private opened: SinkPublisher | null = null;

  /** Disturbs at the `atStep`-th step, counted from 1; 0: never. */
  constructor(sink: S, world: WorldOnTrial, atStep: number, disturb: Disturb) {
    this.sink = sink;
    this.limit = world.limit;
    this.onSteps = this.onTrial(sink, (name) => USER_METHODS.has(name));
    this.atStep = atStep;
    this.disturb = disturb;
    const blobs = this.onTrial(world.blobs, () => true, 'the ledger: ');
    this.ctx = { job: 'check', sink: 'sink', clock: world.clock, log: null, blobs };
  }

  /** Staged as the job would. */
  stage(rows: readonly T[]): readonly Uint8Array[] {
    const writer = this.sink.writer(this.ctx);
    writer.write(rows, new Float64Array(rows.length), rows.length);
    return writer.take().chunks;
  }

  async validate(): Promise<void> {
    await this.sink.validate(this.ctx);
  }

  /** True: it answered. Throws where a call never did. */
  async publish(publication: Publication): Promise<boolean> {
    return await this.attempt(async () => await (await this.publisher()).publish(publication));
  }

  async stamp(run: string, epoch: number, slot: number): Promise<boolean> {
    return await this.attempt(async () => await (await this.publisher()).stamp(run, epoch, slot));
  }

  async close(): Promise<void> {
    if (!this.dead) await this.opened?.close();
  }

  /** At once and for ever: nothing that it still does takes effect. */
  die(): never {
    this.dead = true;
    throw new Died('the process died here');
  }

  private async publisher(): Promise<SinkPublisher> {
    this.opened ??= await this.onSteps.publisher(this.ctx);
    return this.opened;
  }

  private async attempt(act: () => Promise<unknown>): Promise<boolean> {
    this.failure = null;
    try {
      await act();
      return !this.dead;
    } catch (thrown) {
      this.limit.check();
      this.failure = thrown;
      return false;
    }
  }

  /** `target` with its named methods as steps; the methods themselves see `target`. */
  private onTrial<O extends object>(target: O, isStep: (name: string) => boolean, where = ''): O {
    return new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name);
        // The publisher that it makes is to call the steps.
        if (typeof value !== 'function' || name === 'publisher') return value;
        if (typeof name !== 'string' || !isStep(name))
          return (...args: unknown[]): unknown => Reflect.apply(value, of, args);
        return async (...args: unknown[]): Promise<unknown> => {
          await this.step(`before ${where}${name}`);
          const result = await this.limit.of<unknown>(`${where}${name}`, () => Reflect.apply(value, of, args));
          await this.step(`after ${where}${name}, whose answer did not arrive`);
          return result;
        };
      },
    });
  }

  private async step(name: string): Promise<void> {
    if (this.dead) throw new Died('the process is dead');
    if (++this.steps !== this.atStep) return;
    this.disturbedAt = name;
    await this.disturb(name);
  }
}
