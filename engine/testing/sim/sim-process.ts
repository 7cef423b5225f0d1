/**
 * One process of the simulated world: every call of a port goes through it, and may be the last one. A process that has crashed
 * sees no answer any more, and nothing that it might still do happens; what it had sent may arrive later. One that is paused
 * stands still and then goes on as if nothing had happened.
 */
import type { Manifest } from '../../checkpoint/records.ts';
import { RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import { faultOf, type FaultKind } from './faults.ts';
import type { World } from './world.ts';

/** What the simulated ports need of whoever calls them. */
export interface Caller {
  readonly name: string;
  readonly world: World;
  /** The world as it is, or (a replay) as if all input were there. */
  readonly sees: 'now' | 'everything';
  read<T>(op: string, effect: () => T): Promise<T>;
  write<T>(op: string, effect: () => T): Promise<T>;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  chance(what: string, probability: number): boolean;
}

export class SimProcess implements Caller {
  readonly sees = 'now';
  readonly name: string;
  readonly world: World;
  readonly bornMs: number;
  alive = true;
  /** Its coordinator has ended by itself. */
  exited = false;
  onCrash: (() => void) | null = null;
  onPause: ((ms: number) => void) | null = null;
  /** It has not been heard of for a while: others may take it for dead. */
  suspected = false;
  /** What mutants remember of it. */
  adopted = false;
  publishes: ((manifest: Manifest) => Promise<void>) | null = null;
  /** Milliseconds by which its wall clock is off. */
  skewMs: number;
  #resumeAt = 0;
  readonly #calls = new Map<string, number>();

  constructor(world: World, name: string) {
    this.name = name;
    this.world = world;
    this.bornMs = world.queue.now;
    this.skewMs = world.d.chance(`${name}.skew`, 0.3) ? world.d.between(`${name}.skewMs`, -4000, 4000) : 0;
  }

  crash(): void {
    if (!this.alive) return;
    this.alive = false;
    this.world.crashed(this);
    this.onCrash?.();
  }

  pause(ms: number): void {
    this.onPause?.(ms);
    this.#resumeAt = Math.max(this.#resumeAt, this.world.queue.now + ms);
  }

  /** A request that reads. */
  read<T>(op: string, effect: () => T): Promise<T> {
    return this.#call(op, false, effect);
  }

  /** A request that changes something, at one instant or not at all. */
  write<T>(op: string, effect: () => T): Promise<T> {
    return this.#call(op, true, effect);
  }

  /** Waits; `signal` ends it early. Processes die while they sleep, too. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { world } = this;
    if (signal?.aborted === true) return Promise.resolve();
    if (!this.alive) return never();
    const name = this.#next('sleep');
    const fault = this.#fault(name, false);
    if (fault?.startsWith('crash') === true) {
      this.crash();
      return never();
    }
    if (fault === 'pause') this.pause(world.longMs(name));
    return new Promise((resolve) => {
      let done = false;
      const wake = (): void => {
        if (done) return;
        done = true;
        signal?.removeEventListener('abort', early);
        resolve();
      };
      const early = (): void => this.#later(0, wake);
      signal?.addEventListener('abort', early, { once: true });
      this.#later(Math.max(0, ms), wake);
    });
  }

  #call<T>(op: string, isWrite: boolean, effect: () => T): Promise<T> {
    const { world } = this;
    if (!this.alive) return never();
    const name = this.#next(op);
    const fault = this.#fault(name, isWrite);
    if (fault === 'crash-before') {
      world.trace?.(`${name} CRASH before`);
      this.crash();
      return never();
    }
    const there = world.d.between(`${name}>`, 1, 6);
    const back = world.d.between(`${name}<`, 1, 4);
    return new Promise<T>((resolve, reject) => {
      const answer = (delay: number, tell: () => void): void => this.#later(delay, tell);
      const lost = (): void => reject(new UnknownOutcomeError(`${op}: no answer in time`));
      switch (fault) {
        case 'error':
          answer(there + back, () => reject(new RetryableError(`${op}: refused`)));
          return;
        case 'unknown-none':
          answer(there + back + 20, lost);
          return;
        case 'unknown-late':
          answer(there + back + 20, lost);
          world.queue.schedule(there + world.longMs(name), () => this.#happen(name, effect, ' (late)'));
          return;
        case 'unknown-done':
          world.queue.schedule(there, () => this.#happen(name, effect, ' (answer lost)'));
          answer(there + back + 20, lost);
          return;
        case 'crash-in-flight':
          world.trace?.(`${name} CRASH in flight`);
          this.crash();
          if (isWrite && world.d.chance(`${name}?lands`, 0.7))
            world.queue.schedule(there, () => this.#happen(name, effect, ' (in flight)'));
          return;
        default:
      }
      world.queue.schedule(there, () => {
        // A read of the dead is nobody's.
        if (!this.alive && !isWrite) return;
        const result = this.#happen(name, effect, '');
        if (fault === 'crash-after') {
          world.trace?.(`${name} CRASH after`);
          this.crash();
          return;
        }
        if (fault === 'pause') this.pause(world.longMs(name));
        answer(back, () => ('value' in result ? resolve(result.value) : reject(asError(result.error))));
      });
    });
  }

  chance(what: string, probability: number): boolean {
    return this.world.d.chance(this.#next(what), probability);
  }

  /** `<process>.<what>#<how many times>`: the name of what happens now. */
  #next(what: string): string {
    const n = (this.#calls.get(what) ?? 0) + 1;
    this.#calls.set(what, n);
    return `${this.name}.${what}#${n}`;
  }

  #happen<T>(name: string, effect: () => T, how: string): { value: T } | { error: unknown } {
    const { world } = this;
    try {
      const value = effect();
      world.trace?.(`${name}${how} → ${textOf(value)}`);
      return { value };
    } catch (error) {
      world.trace?.(`${name}${how} → ${String(error)}`);
      return { error };
    }
  }

  #fault(name: string, isWrite: boolean): FaultKind | null {
    const { world } = this;
    if (world.calm) return null;
    const kind = faultOf(world.d, world.profile, name, isWrite);
    if (kind === null || world.without.has(name)) return null;
    world.faults.push({ name, kind });
    world.trace?.(`${name} FAULT ${kind}`);
    return kind;
  }

  /** The process goes on after `delay`, or when its pause ends; never if it is dead. */
  #later(delay: number, run: () => void): void {
    this.world.queue.schedule(delay, () => {
      if (!this.alive) return;
      const wait = this.#resumeAt - this.world.queue.now;
      if (wait > 0) this.#later(wait, run);
      else run();
    });
  }
}

/** A new one each time: reactions to a promise that is shared would be kept for ever. */
function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function textOf(value: unknown): string {
  if (value === undefined) return 'ok';
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return Array.isArray(value)
    ? `${value.length} entries`
    : JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? `${v.length} bytes` : v)).slice(0, 120);
}
