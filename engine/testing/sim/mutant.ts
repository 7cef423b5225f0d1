/** A guard of the protocol that is switched off: at the ports, around the runner, or in the simulated sinks. Never in production code. */
import type { Head } from '../../checkpoint/records.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { StateStore } from '../../ports/state-store.ts';
import type { EpochRunner } from '../../runtime/epoch-runner.ts';
import type { SubtaskPeer } from '../../runtime/fan-out/subtask-peer.ts';
import type { FusedRunner } from '../../runtime/fused-runner.ts';
import type { Graphs } from './draw-graph.ts';
import type { SinkGuards } from './guards.ts';
import type { SimProcess } from './sim-process.ts';

/** One start of a coordinator, as a mutant sees it. */
export interface Started {
  readonly process: SimProcess;
  readonly restore: boolean;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  readonly runner: FusedRunner;
}

export interface Mutant {
  readonly name: string;
  /** The law that it serves. */
  readonly law: string;
  readonly what: string;
  /** Which graphs show it soonest. Default: all. */
  readonly graphs?: Graphs;
  readonly sinks?: Partial<SinkGuards>;
  store?(store: StateStore, process: SimProcess): StateStore;
  blobs?(blobs: BlobStore, process: SimProcess): BlobStore;
  runner?(started: Started): EpochRunner;
  /** A worker of fanned-out epochs; `spare`: it takes a subtask over. */
  peer?(peer: SubtaskPeer, spare: boolean): SubtaskPeer;
  /** Changes classes for the length of a run; the answer puts them back. */
  patch?(): () => void;
  /** What every driver of a session takes for its own word. */
  readonly incarnation?: string;
  /** Nobody asks what it was that was done elsewhere. */
  readonly believesDone?: boolean;
  /** The head that a sweeper goes by. */
  sweeps?(head: Head): Head;
}

/** `target` with some methods replaced; the others go to it, bound. */
export function replaced<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (of, name) => {
      const own: unknown = Reflect.get(methods, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(of, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(of) : value;
    },
  });
}
