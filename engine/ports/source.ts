/** Where records come from. A source names its splits; a reader hands out one split's rows in order, in batches. */
import type { SourceBatch } from '../model/source-batch.ts';
import type { BlobStore } from './blob-store.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface SplitSpec {
  /** Unique in the source and stable for ever: state and channel order hang on it. Words of [A-Za-z0-9._=#-/]. */
  readonly id: string;
  /** Where a fresh job starts reading. */
  readonly startPosition: number;
  /** What the source wants to know again whenever the split is opened (where it ends, say): recorded in plans and manifests, so small. */
  readonly details?: string;
}

/** Splits that the job has read, by id: up to where, and whether they have ended for good. */
export type KnownSplits = ReadonlyMap<
  string,
  { readonly position: number; readonly ended: boolean; readonly details?: string }
>;

/** What a source may use at start and while it runs. */
export interface SourceContext {
  readonly job: string;
  readonly operator: string;
  readonly clock: Clock;
  /** The job's configured log (embedded, Kafka). */
  readonly log: Log | null;
  readonly blobs: BlobStore | null;
  /** What people should know, though the job goes on. */
  notice?(text: string, data: Readonly<Record<string, unknown>>): void;
}

export interface Source<T> {
  /** For error messages and graphs, e.g. "files data/*.jsonl". */
  readonly description: string;
  /** True: every split ends. False: new rows and new splits may appear for ever. */
  readonly bounded: boolean;
  /** Unbounded, and the end of all splits there are is not the end: others may come (a watched folder). */
  readonly endless?: boolean;
  /** Type only: what it emits. */
  readonly __type?: T;
  /** Called once before the first plan: throws ConfigError naming what is missing. */
  validate(ctx: SourceContext): Promise<void>;
  /**
   * The splits there are now. Called at plans; must return every known split that has not ended, and may return new ones.
   * For bounded sources called once per run. `known`: the splits of the job's committed epochs, or of
   * the first one when it is read again, by id; empty for a job that begins.
   */
  discover(ctx: SourceContext, known?: KnownSplits): Promise<readonly SplitSpec[]>;
  /** Throws ConfigError when these splits, of earlier epochs and of now, do not fit together (read in other pieces than before). */
  checkSplits?(ids: readonly string[]): void;
  open(split: SplitSpec, position: number, ctx: SourceContext): Promise<SplitReader>;
  /**
   * An epoch is committed and published: how far it has read each split. Never before the commit (E2), perhaps more than once, perhaps not for
   * every epoch. For others to see the progress; what it throws becomes a notice. It must not keep the job waiting.
   */
  committed?(positions: ReadonlyMap<string, number>, ctx: SourceContext): void | Promise<void>;
  /** The job has ended in this process: lets go of what `committed` holds. */
  close?(): Promise<void>;
}

export interface SplitReader {
  /**
   * The next rows: at most `maxRows`, none at or beyond position `to` (null: no bound). Synchronous where data is at hand.
   * 'empty': nothing there now; 'end': the split has ended for good (or `to` is reached).
   * The batch belongs to the caller until `release`.
   */
  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult>;
  release(batch: SourceBatch): void;
  /** What there is has been asked for and not been answered yet: 'empty' does not say that there is nothing. */
  readonly asking?: boolean;
  /** The split's end as known now, for backlog: null when unknown. Same unit as positions. */
  endPosition(): number | null;
  /** Adds what it has counted since the last time: part of the epoch's counts. */
  takeCounts?(into: Map<string, number>): void;
  close(): Promise<void>;
}
export type FillResult = SourceBatch | 'empty' | 'end';
