/**
 * Operators beyond the plain graph of a seed, as data: two inputs, joins, broadcast state, partitioning, asynchronous requests, watermark
 * generators, time-to-live.
 */
import type { AssignerSpec } from './pane-specs.ts';

/** Rows are dealt out to partitions, or make requests, or are counted by a function with state of the partition. */
export const EXCHANGES = [
  'rebalance',
  'shuffle',
  'global',
  'custom',
  'copies',
  'async',
  'async-retry',
  'async-timeout',
  'tally',
] as const;
export type ExchangeSpec = (typeof EXCHANGES)[number];

export function isExchange(op: string): op is ExchangeSpec {
  return (EXCHANGES as readonly string[]).includes(op);
}

/** `odd`: the rows with an odd value are the second input. `source`: all rows of the last source are, straight from it. */
export type SecondInput = 'odd' | 'source';

export type TwoInputSpec = { readonly other: SecondInput } & (
  | { readonly kind: 'co-count' }
  /** Sums of both inputs per key and bucket of event time, emitted by a timer. */
  | { readonly kind: 'co-buffer'; readonly bucketMs: number }
  | { readonly kind: 'interval-join'; readonly lowerMs: number; readonly upperMs: number; readonly late: boolean }
  | { readonly kind: 'co-group' | 'window-join'; readonly windows: AssignerSpec }
  /** Counts rows next to broadcast state that the second input fills; with `applyToKeyedState`. */
  | { readonly kind: 'broadcast' }
  /** As `co-buffer`, but the second input is broadcast, and looked up by time when the timer fires. */
  | { readonly kind: 'broadcast-buffer'; readonly bucketMs: number }
);

export interface TtlSpec {
  readonly kind: 'ttl';
  readonly ttlMs: number;
  readonly onRead: boolean;
  readonly returnsExpired: boolean;
}

/** Where watermarks come from; `counting` emits at every third record and keeps its count, `drowsy` declares its split idle now and then. */
export type StrategySpec = 'bounded' | 'generator' | 'punctuated' | 'counting' | 'drowsy';

export function isTwoInput(op: object): op is TwoInputSpec {
  return 'other' in op;
}

/** The last source's rows are its second input. */
export function asksSource(op: object | null): boolean {
  return op !== null && isTwoInput(op) && op.other === 'source';
}
