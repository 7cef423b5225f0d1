/**
 * The states of the epoch machine: one union, each member carrying only what it needs. Every state but `ended` waits for the answer
 * to exactly one effect (effects.ts), which is safe to perform again: that is what makes retries and duplicates harmless.
 */
import type { AttemptId, WallTimeMs } from '../model/ids.ts';
import type { FoldLimits } from './fold-policy.ts';
import type { Ack, FoldRecord, Head, Manifest, Plan, ReadRange, SkippedRecord } from './records.ts';

/** Fixed for one start of a coordinator. */
export interface Session {
  readonly job: string;
  /** Who holds the lease, for others to check. */
  readonly owner: string;
  /** Random word, new with every start. */
  readonly id: string;
  /** Random word, new with every driver: a suspended session may by mistake be resumed twice, or while its last driver still runs. */
  readonly incarnation: string;
  readonly ttlMs: number;
  readonly graphHash: string;
  readonly start: 'continue' | 'restore';
  /** What user code's failure at a known record does: fail the epoch, or rerun without the record. */
  readonly poison: 'fail' | 'dead-letter';
  readonly onCancel: 'retain' | 'delete';
  readonly minPauseMs: number;
  /** Default: FOLD_LIMITS. */
  readonly fold?: FoldLimits;
}

/** Part of every key that two drivers of a session may both write, each with what it means. */
export const writerOf = ({ id, incarnation }: Session): string => `${id}-${incarnation}`;

/** What someone outside has asked for; acted upon where the protocol allows it. `cancel` wins over `stop`. */
export type Request = 'none' | 'stop' | 'cancel';

/** The head as this coordinator last wrote it. */
export interface Held {
  readonly version: number;
  readonly head: Head;
}

/** The committed epoch that the next one builds on. Both null: the job is new. `folded` stands for the manifest's state up to its epoch. */
export interface Base {
  readonly manifest: Manifest | null;
  readonly folded: FoldRecord | null;
}

/** How far an attempt had read a split. */
export interface RangeRead {
  readonly id: string;
  readonly to: number;
  readonly ends: boolean;
  /** Alignment held it there. */
  readonly paused: boolean;
}

/** What a re-plan of the same epoch keeps from the plan before it (E1). */
export interface Retry {
  readonly plan: Plan;
  /** How far the failed attempt had read: the retry runs exactly this. Null: not known, or to be cut smaller. */
  readonly ranges: readonly RangeRead[] | null;
  readonly skip: readonly SkippedRecord[];
  /** Why the new plan differs; null: it does not. */
  readonly reason: string | null;
  readonly history: EpochHistory;
}

/** What happened to this epoch so far, in this session. */
export interface EpochHistory {
  readonly attempts: number;
  /** Failures with no record to blame. */
  readonly failures: number;
  readonly replans: number;
}

/** What a suspended session takes along, because its head does not say it. Small JSON. */
export interface Suspension {
  readonly session: string;
  /** 'restore': the run that it is to begin has not begun. */
  readonly start: Session['start'];
  /** The plan that the rest is about; null: none. Once the head has another, the rest is of the past. */
  readonly plan: string | null;
  readonly history: EpochHistory;
  /** Decided: the plan is not run again, but another one made. */
  readonly retry: Pick<Retry, 'ranges' | 'skip' | 'reason'> | null;
  /** Key of a manifest whose output stands in every sink; null: none that is known. */
  readonly published: string | null;
}

export const NO_HISTORY: EpochHistory = { attempts: 0, failures: 0, replans: 0 };

/** An epoch in work. */
export interface Work {
  readonly base: Base;
  /** As written, and as extended since while idle (clock, new splits): an open plan is settled by its commit (E1). */
  readonly plan: Plan;
  readonly key: string;
  /** The plan is no longer the one that was written: only this coordinator knows its clock and its splits. */
  readonly extended?: true;
  readonly history: EpochHistory;
}

export type Ending =
  | { readonly kind: 'finished' | 'stopped' | 'cancelled' }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Another coordinator took the job over. `session`: whose lease the head has now, as far as known; its own: another driver of it. */
  | { readonly kind: 'fenced'; readonly by: string; readonly session: string | null }
  /** The lease is held by a live owner. */
  | { readonly kind: 'refused'; readonly owner: string }
  | { readonly kind: 'already'; readonly phase: 'finished' | 'cancelled' }
  | { readonly kind: 'nothing-to-restore' };

export interface States {
  /** Reads the head for the first time, or again after waiting. `since`: the version a waiter saw last and when it first saw it (E4). */
  reading: { readonly kind: 'reading'; readonly since: { readonly version: number; readonly monoMs: number } | null };
  waiting: {
    readonly kind: 'waiting';
    readonly since: { readonly version: number; readonly monoMs: number };
    readonly owner: string;
    readonly ttlMs: number;
  };
  /** A compare-and-set is under way; once won, `after` goes on. */
  swapping: { readonly kind: 'swapping'; readonly expected: number; readonly target: Head; readonly after: AfterSwap };
  /** Its outcome is not known, or it was lost: the head decides (E3). */
  settling: { readonly kind: 'settling'; readonly expected: number; readonly target: Head; readonly after: AfterSwap };
  /** Reads the head that its session has held before. */
  resuming: { readonly kind: 'resuming'; readonly suspension: Suspension };
  /** Reads what the head leads to. `suspension`: of the session that goes on; null: the head was claimed. */
  loading: { readonly kind: 'loading'; readonly held: Held; readonly suspension: Suspension | null };
  /** Discovers splits and reads the clock for the next plan. */
  preparing: {
    readonly kind: 'preparing';
    readonly held: Held;
    readonly base: Base;
    readonly retry: Retry | null;
    readonly pauseMs: number;
  };
  /** The plan item is being written. */
  planning: { readonly kind: 'planning'; readonly held: Held; readonly work: Work };
  running: { readonly kind: 'running'; readonly held: Held; readonly work: Work };
  /** Nothing to read: waits under the same plan. */
  idling: { readonly kind: 'idling'; readonly held: Held; readonly work: Work; readonly seen: readonly ReadRange[] };
  acking: {
    readonly kind: 'acking';
    readonly held: Held;
    readonly work: Work;
    readonly ack: Ack;
    readonly nowMs: WallTimeMs;
  };
  /** Another attempt's ack was first: reads it. */
  adopting: { readonly kind: 'adopting'; readonly held: Held; readonly work: Work; readonly nowMs: WallTimeMs };
  /** The manifest is being written. */
  sealing: {
    readonly kind: 'sealing';
    readonly held: Held;
    readonly manifest: Manifest;
    readonly key: string;
    readonly winner: AttemptId;
  };
  /** The manifest was there already, written by another driver of this session, or by itself: what counts is what is there. */
  sealed: { readonly kind: 'sealed'; readonly held: Held; readonly key: string; readonly winner: AttemptId };
  /** `next`: what follows; a restore first publishes what the old run had committed. `winner`: null after a crash. */
  publishing: {
    readonly kind: 'publishing';
    readonly held: Held;
    readonly manifest: Manifest;
    readonly next: 'epoch' | 'restore';
    readonly winner: AttemptId | null;
  };
  stamping: { readonly kind: 'stamping'; readonly held: Held };
  folding: { readonly kind: 'folding'; readonly held: Held; readonly base: Base };
  /** The fold's record is being written. */
  recording: {
    readonly kind: 'recording';
    readonly held: Held;
    readonly base: Base;
    readonly record: FoldRecord;
    readonly key: string;
  };
  /** Something failed: the restart strategy decides (an input) and delays. */
  deciding: { readonly kind: 'deciding'; readonly resume: Resumable; readonly reason: string };
  ended: { readonly kind: 'ended'; readonly ending: Ending };
}

export type StateKind = keyof States;
export type Resumable = States[Exclude<StateKind, 'deciding' | 'ended' | 'waiting' | 'running' | 'idling'>];

/** A state that only waits for the head to be won: what it holds is the target. */
type Unheld<S> = S extends { readonly held: Held } ? Omit<S, 'held'> : never;
export type AfterSwap =
  Unheld<States['loading' | 'running' | 'preparing' | 'publishing' | 'stamping' | 'folding']> | States['ended'];

export interface Machine {
  readonly session: Session;
  readonly request: Request;
  readonly state: States[StateKind];
}

/** `suspension`: the session goes on where it was, without a claim. */
export function begin(session: Session, suspension: Suspension | null = null): Machine {
  const state: Machine['state'] =
    suspension === null ? { kind: 'reading', since: null } : { kind: 'resuming', suspension };
  return { session, request: 'none', state };
}
