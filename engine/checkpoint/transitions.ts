/**
 * The table of the epoch machine: which events each state accepts, and which states may follow. Handlers are typed by it, so an
 * illegal transition does not compile. Besides: `failed` and `fenced` are accepted everywhere (failures.ts) and lead to
 * `deciding`, `preparing` or `ended`; `request` changes no state.
 */
import type { Effect } from './effects.ts';
import type { Events } from './events.ts';
import type { AfterSwap, Machine, StateKind, States } from './states.ts';

export interface Accepts {
  reading: 'head-read';
  waiting: 'waited';
  resuming: 'head-read';
  swapping: 'cas-won' | 'cas-lost' | 'cas-unknown';
  settling: 'head-read';
  loading: 'loaded';
  preparing: 'prepared';
  planning: 'item-written';
  running: 'ran' | 'declined';
  idling: 'woken';
  acking: 'item-written';
  adopting: 'ack-read';
  sealing: 'item-written';
  sealed: 'manifest-read';
  publishing: 'published';
  stamping: 'stamped';
  folding: 'folded';
  recording: 'item-written';
  deciding: 'retry' | 'give-up';
  ended: never;
}

/** `swapping` to `ended` in `preparing` and others is winding down: a last compare-and-set releases the lease. */
export interface Next {
  reading: 'waiting' | 'swapping' | 'ended';
  waiting: 'reading' | 'ended';
  resuming: 'loading' | 'stamping' | 'ended';
  swapping: AfterSwap['kind'] | 'settling';
  settling: AfterSwap['kind'] | 'deciding';
  loading: 'publishing' | 'preparing' | 'running' | 'folding' | 'swapping';
  preparing: 'planning' | 'folding' | 'swapping';
  planning: 'swapping';
  running: 'idling' | 'acking' | 'preparing' | 'swapping';
  idling: 'running' | 'swapping';
  acking: 'sealing' | 'adopting' | 'preparing';
  adopting: 'sealing' | 'preparing';
  sealing: 'swapping' | 'sealed';
  sealed: 'swapping';
  publishing: 'preparing' | 'swapping';
  stamping: 'swapping';
  folding: 'recording';
  recording: 'swapping';
  deciding: Exclude<StateKind, 'deciding' | 'waiting' | 'running' | 'idling'>;
  ended: never;
}

/** Where a handler goes, and what it says besides (effects that answer nothing). */
export interface Move<K extends StateKind> {
  readonly state: States[K];
  readonly notes: readonly Effect[];
}

export type Handler<K extends StateKind> = (
  state: States[K],
  event: Events[Accepts[K]],
  machine: Machine,
) => Move<Next[K]>;
export type Handlers<K extends StateKind> = { readonly [S in K]: Handler<S> };

export function to<K extends StateKind>(state: States[K], ...notes: readonly Effect[]): Move<K> {
  return { state, notes };
}

export function note(text: string, data: Readonly<Record<string, unknown>>): Effect {
  return { kind: 'note', text, data };
}
