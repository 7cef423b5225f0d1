/**
 * A keyed operator: the head of a stage.
 *
 * A key group is the logical subtask (E7a): the operator's answer for a group depends on nothing but that group's rows, in order,
 * with their watermarks, its state, the epoch's clock and the epoch's final watermark. So a group's watermark advances at its own
 * rows and at the end of the epoch, and everything it emits carries the group as channel. How many groups share an instance
 * is then a matter of packing.
 *
 * Life of an epoch: beginEpoch → advanceProcessingTime per group → process … → advance per group → snapshot. A failed attempt
 * drops the instance; the next one restores from the segments that its plan names.
 */
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyIndex } from '../state/key-index.ts';
import type { StateReader, StateWriter } from '../state/state-entries.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { PreAggregator } from './pre-aggregator.ts';

export interface KeyedOperatorContext {
  readonly uid: string;
  readonly name: string;
  readonly keys: KeyIndex;
  /** Key groups [from, to) of this instance. */
  readonly keyGroups: readonly [from: number, to: number];
  readonly output: OutputBuffer;
  /** Null when nobody consumes the side output. */
  side(tag: string): OutputBuffer | null;
  /** Calls `run` after `ms`; the answer takes it back. For requests to others, whose answers take real time. */
  after(ms: number, run: () => void): () => void;
  /** Adds to a count of the epoch's record. */
  count(name: string, n: number): void;
}

export interface KeyedOperator extends StateReader {
  open(ctx: KeyedOperatorContext): void | Promise<void>;
  /** After the last restored entry: `watermark` is the stage's at the end of the base epoch. */
  restored(watermark: number): void;
  beginEpoch(clockMs: number): void;
  advanceProcessingTime(keyGroup: number, clockMs: number): void;
  /**
   * Rows [from, to) of the batch, in channel order; none has a key outside the instance's groups. The watermark before a row is
   * min(wm, cap). `keyIds` are filled in; for rows that go to every subtask (`isBroadcast`) they are −1, and the row belongs to all of
   * the instance's groups.
   */
  process(batch: ExchangeBatch, from: number, to: number, cap: number): void;
  /** Partials of the operator's pre-aggregator, before the epoch's first row. `keyIds` are filled in. */
  absorb?(batch: ExchangeBatch): void;
  /** Rows that were taken and wait for something outside: they count as waiting ones. Default 0. */
  readonly pending?: number;
  /** After the epoch's last row and before `advance`: finishes, and emits, what is under way (asynchronous I/O). */
  settle?(): Promise<void>;
  /** End of epoch: the group's watermark becomes `watermark`; due timers fire. */
  advance(keyGroup: number, watermark: number): void;
  /** Writes what changed since the last snapshot. */
  snapshot(writer: StateWriter): void;
  /** Writes everything there is, right after a snapshot: what the log is folded into. */
  dump(writer: StateWriter): void;
  /** Earliest pending timer of the group in each domain, Infinity: none. */
  nextEventTimer(keyGroup: number): number;
  nextProcessingTimer(keyGroup: number): number;
  /** True while the key has any state. */
  isLive(id: number): boolean;
  /**
   * Operators whose keys come and go (`KeyedOperatorFactory.stateByKey`): when the key wants to be in memory though no row of it comes, as
   * it has a timer then, or a window that fires or is over.
   */
  dueOf?(id: number): KeyTimes;
  /** More entries have been restored, of these keys, in the middle of the operator's life. */
  loaded?(ids: readonly number[]): void;
  /** Right after a snapshot: forgets these keys. What is stored of them is restored before they are needed again. */
  evict?(ids: readonly number[]): void;
  /** Row of the batch, or −1, at which user code threw in the last `process`. */
  readonly failedRow: number;
  close(): void | Promise<void>;
}

/** What the graph keeps: makes an instance per subtask. */
export interface KeyedOperatorFactory {
  readonly kind: string;
  create(): KeyedOperator;
  /** True: rows without timestamps make no sense here (checked at start). */
  readonly needsTimestamps: boolean;
  /** It has state that every subtask shares (state/key-in-group.ts). */
  readonly hasBroadcastState?: boolean;
  /**
   * An answer for a key hangs on that key's rows and state alone, so that not all keys need be in memory: operators have `dueOf`, `loaded`
   * and `evict`. Otherwise state is in memory as a whole, whatever the backend.
   */
  readonly stateByKey?: boolean;
  /** Checks user functions and initial values before anything runs; throws ConfigError. */
  validate?(operator: string): void;
  /** For each sender of rows, if they may be merged before the shuffle; null: not this operator. */
  preAggregator?(maxParallelism: number): PreAggregator | null;
}
