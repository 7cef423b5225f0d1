/**
 * What may go wrong at a port call, and how often: a seed's profile. A fault has a name (process, operation, how many times that
 * was called), so that a run can be repeated without it.
 */
import type { Decisions } from './decisions.ts';

export type FaultKind =
  /** The process dies before the request leaves, while it travels (it takes effect), or before the answer is seen. */
  | 'crash-before'
  | 'crash-in-flight'
  | 'crash-after'
  /** Refused: no effect, and the caller is told so. */
  | 'error'
  /** The caller is told nothing but a timeout: no effect, with effect, or the effect comes much later. */
  | 'unknown-none'
  | 'unknown-done'
  | 'unknown-late'
  /** The process stands still for a long time before it sees the answer: a zombie. */
  | 'pause';

/** What may happen to a worker of a fanned-out epoch at a phase: its answer comes late, or never, or it dies. */
export type PeerFault = 'peer-slow' | 'peer-hangs' | 'peer-dies';

export interface Fault {
  readonly name: string;
  readonly kind: FaultKind | PeerFault;
}

export interface Profile {
  readonly crash: number;
  readonly error: number;
  readonly unknown: number;
  readonly pause: number;
  /** Of all reads of a source. */
  readonly slow: number;
  /** Of all phases of a worker. */
  readonly peers: number;
  /** Simulated milliseconds after which nothing goes wrong any more. */
  readonly untilMs: number;
}

const OFTEN = [0, 0.002, 0.006, 0.02] as const;

export function profileOf(d: Decisions): Profile {
  return {
    crash: d.pick('profile.crash', OFTEN),
    error: d.pick('profile.error', OFTEN),
    unknown: d.pick('profile.unknown', [0, 0.005, 0.02, 0.05]),
    pause: d.pick('profile.pause', OFTEN),
    slow: d.pick('profile.slow', [0, 0, 0.05]),
    peers: d.pick('profile.peers', [0, 0.02, 0.15]),
    untilMs: d.pick('profile.until', [1000, 3000, 6000]),
  };
}

export const QUIET: Profile = { crash: 0, error: 0, unknown: 0, pause: 0, slow: 0, peers: 0, untilMs: 0 };

/** The fault of one call, or null. Reads have no unknown outcome: a timeout of a read is an error. */
export function faultOf(d: Decisions, profile: Profile, name: string, isWrite: boolean): FaultKind | null {
  let u = d.unit(name);
  if (u < profile.crash) return d.pick(`${name}?crash`, ['crash-before', 'crash-in-flight', 'crash-after']);
  u -= profile.crash;
  if (u < profile.error) return 'error';
  u -= profile.error;
  if (u < profile.pause) return 'pause';
  u -= profile.pause;
  if (u >= profile.unknown) return null;
  return isWrite ? d.pick(`${name}?unknown`, ['unknown-none', 'unknown-done', 'unknown-late']) : 'error';
}

export function peerFaultOf(d: Decisions, profile: Profile, name: string): PeerFault | null {
  if (!d.chance(name, profile.peers)) return null;
  return d.pick(`${name}?peer`, ['peer-slow', 'peer-slow', 'peer-hangs', 'peer-dies']);
}
