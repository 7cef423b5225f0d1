/** What the epoch machine is told: answers to its effects, and requests from outside. */
import type { Ack, BaseRef, FoldRecord, Head, Manifest, Plan, ReadRange } from './records.ts';
import type { Consumption } from '../model/consumption.ts';
import type { WallTimeMs } from '../model/ids.ts';
import type { Base } from './states.ts';

export interface OfferedSplit {
  readonly id: string;
  readonly startPosition: number;
  readonly details?: string;
}

export interface Events {
  /** `owner`: what is known of the lease's owner; 'none' without a lease. */
  'head-read': {
    readonly kind: 'head-read';
    readonly found: { readonly version: number; readonly head: Head } | null;
    readonly owner: 'none' | 'alive' | 'dead' | 'unknown';
    readonly monoMs: number;
    readonly nowMs: WallTimeMs;
  };
  waited: { readonly kind: 'waited' };
  'cas-won': { readonly kind: 'cas-won' };
  'cas-lost': { readonly kind: 'cas-lost' };
  'cas-unknown': { readonly kind: 'cas-unknown' };
  /** `plan`: what phase Running refers to, else null. */
  loaded: { readonly kind: 'loaded'; readonly base: Base; readonly plan: Plan | null };
  prepared: {
    readonly kind: 'prepared';
    readonly offers: readonly OfferedSplit[];
    readonly subtasks: Readonly<Record<string, number>>;
    /** The newest record of a fold outside, where one was asked for. */
    readonly folded: FoldRecord | null;
    readonly nowMs: WallTimeMs;
  };
  /** `consumed`: by the coordinator, told where the epoch is about to be sealed. */
  'item-written': {
    readonly kind: 'item-written';
    readonly outcome: 'created' | 'exists';
    readonly consumed?: Consumption;
  };
  ran: { readonly kind: 'ran'; readonly ack: Ack; readonly idle: boolean; readonly nowMs: WallTimeMs };
  /** The plan is not run as it is: another one is to be made, say for more subtasks. No failure. */
  declined: { readonly kind: 'declined'; readonly reason: string };
  woken: {
    readonly kind: 'woken';
    readonly offers: readonly OfferedSplit[];
    readonly nowMs: WallTimeMs;
    readonly lease: 'fresh' | 'renew';
  };
  'manifest-read': { readonly kind: 'manifest-read'; readonly manifest: Manifest };
  'ack-read': { readonly kind: 'ack-read'; readonly ack: Ack; readonly consumed?: Consumption };
  published: { readonly kind: 'published' };
  stamped: { readonly kind: 'stamped' };
  folded: { readonly kind: 'folded'; readonly base: BaseRef };
  /** The effect failed in a way that does not fence. `ranges` and `poison` come from an attempt only. */
  failed: {
    readonly kind: 'failed';
    readonly reason: string;
    readonly retryable: boolean;
    readonly ranges: readonly ReadRange[] | null;
    readonly poison: {
      readonly split: string;
      readonly position: number;
      readonly operator: string;
      readonly error: string;
    } | null;
  };
  /** Something below noticed that another coordinator took over. */
  fenced: { readonly kind: 'fenced'; readonly by: string; readonly session: string | null };
  /** The restart strategy's decision, after its delay. */
  retry: { readonly kind: 'retry'; readonly nowMs: WallTimeMs };
  'give-up': { readonly kind: 'give-up'; readonly reason: string };
  request: { readonly kind: 'request'; readonly request: 'stop' | 'cancel' };
}

export type EventKind = keyof Events;
export type Event = Events[EventKind];
