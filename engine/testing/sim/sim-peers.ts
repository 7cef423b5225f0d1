/**
 * The workers of a simulated process: they live and die with it, and the seed has some of them be slow, hang, or die by themselves. Whoever is
 * released is not stopped: it goes on as a zombie, and what it still does must be harmless.
 */
import { RetryableError } from '../../model/errors.ts';
import type { PeerPool, SubtaskPeer } from '../../runtime/fan-out/subtask-peer.ts';
import { peerFaultOf, type PeerFault } from './faults.ts';
import type { Mutant } from './mutant.ts';
import type { SimProcess } from './sim-process.ts';

/** The calls that somebody waits for. */
const PHASES: ReadonlySet<string | symbol> = new Set(['begin', 'read', 'stage', 'finish']);

export class SimPeers implements PeerPool {
  readonly #process: SimProcess;
  readonly #name: string;
  readonly #make: (index: number) => SubtaskPeer;
  readonly #mutant: Mutant | null;
  readonly #peers = new Map<number, SubtaskPeer>();
  #made = 0;

  constructor(process: SimProcess, name: string, make: (index: number) => SubtaskPeer, mutant: Mutant | null) {
    this.#process = process;
    this.#name = name;
    this.#make = make;
    this.#mutant = mutant;
  }

  async peer(index: number): Promise<SubtaskPeer> {
    let peer = this.#peers.get(index);
    if (peer === undefined || peer.dead) this.#peers.set(index, (peer = this.#newPeer(index, false)));
    return peer;
  }

  async spare(index: number): Promise<SubtaskPeer> {
    const name = `${this.#name}.spare${this.#made}`;
    const { world } = this.#process;
    await this.#process.sleep(world.d.pick(`${name}.starts`, [0, 5, 60]));
    return this.#newPeer(index, true);
  }

  keep(index: number, spare: SubtaskPeer): void {
    this.#peers.set(index, spare);
  }

  release(index: number, peer: SubtaskPeer): void {
    if (this.#peers.get(index) === peer) this.#peers.delete(index);
  }

  async close(): Promise<void> {}

  #newPeer(index: number, spare: boolean): SubtaskPeer {
    const host = this.#make(index);
    const peer = this.#mutant?.peer?.(host, spare) ?? host;
    return this.#troubled(peer, `${this.#name}.w${index}-${++this.#made}`);
  }

  #troubled(peer: SubtaskPeer, name: string): SubtaskPeer {
    const { world } = this.#process;
    let calls = 0;
    let dead = false;
    return new Proxy(peer, {
      get: (of, method) => {
        if (method === 'dead') return dead;
        const value: unknown = Reflect.get(of, method);
        if (typeof value !== 'function') return value;
        const call = (args: unknown[]): unknown => (value as (...a: unknown[]) => unknown).apply(of, args);
        if (!PHASES.has(method)) return (...args: unknown[]) => call(args);
        return async (...args: unknown[]): Promise<unknown> => {
          if (dead) throw died(name);
          const at = `${name}.${String(method)}#${++calls}`;
          const fault = this.#fault(at);
          if (fault === null) return await call(args);
          world.trace?.(`${at} FAULT ${fault}`);
          const after = world.d.chance(`${at}.after`, 0.5);
          const answer = after ? await call(args) : undefined;
          if (fault === 'peer-hangs') return await new Promise<never>(() => {});
          if (fault === 'peer-dies') {
            dead = true;
            throw died(name);
          }
          await this.#process.sleep(world.longMs(at));
          return after ? answer : await call(args);
        };
      },
    });
  }

  #fault(at: string): PeerFault | null {
    const { world } = this.#process;
    const kind = world.calm ? null : peerFaultOf(world.d, world.profile, at);
    if (kind === null || world.without.has(at)) return null;
    world.faults.push({ name: at, kind });
    return kind;
  }
}

const died = (name: string): RetryableError => new RetryableError(`${name} died`);
