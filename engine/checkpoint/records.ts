/**
 * What the protocol writes down (ARCHITECTURE section 2): head, plan, ack, manifest. All are JSON; numbers are exact doubles,
 * MIN_WATERMARK and MAX_WATERMARK included. `format` is checked on reading: every released version stays readable.
 */
import type { Consumption } from '../model/consumption.ts';
import type { AttemptId, Epoch, Generation, RunId, WallTimeMs } from '../model/ids.ts';

/**
 * An immutable object in the blob store, or, when small, inside the record itself (base64). `bytes` are those that were written; `packed`:
 * they are stored as a zstd frame.
 */
export type ObjectRef =
  | { readonly blob: string; readonly bytes: number; readonly packed?: true }
  | { readonly inline: string; readonly bytes: number };

/** State changes of one attempt, covering key groups [from, to) of every keyed operator in its stage. */
export interface SegmentRef {
  readonly object: ObjectRef;
  readonly epoch: Epoch;
  readonly stage: string;
  readonly keyGroups: readonly [from: number, to: number];
  /** Its entries say when keys are due (backend `table`): they may be folded into the table. */
  readonly dues?: true;
}

/** Entries of a stage that stand in the state table: a record per key (ports/state-table.ts). */
export interface TableRef {
  readonly namespace: string;
  /** Stages whose state is there. */
  readonly operators: readonly string[];
  /**
   * When something is first due, by stage: the key groups in so many even ranges, [event time, processing time] of each, null: nothing.
   * Too early does no harm. A stage that is not named has nothing due.
   */
  readonly due: Readonly<Record<string, readonly (readonly [number | null, number | null])[]>>;
}

/** What the log was folded into: snapshots, one per stage and key-group range, and for the stages of backend `table` their records. */
export interface BaseRef {
  readonly epoch: Epoch;
  readonly snapshots: readonly {
    readonly object: ObjectRef;
    readonly stage: string;
    readonly keyGroups: readonly [number, number];
  }[];
  /** Absent: no stage has state in the table. */
  readonly table?: TableRef;
}

/** A record whose processing made user code throw: rerun without it, and send it to the dead letters. */
export interface SkippedRecord {
  readonly split: string;
  readonly position: number;
  readonly operator: string;
  readonly error: string;
}

export interface PlannedSplit {
  readonly id: string;
  readonly from: number;
  /** null: the attempt decides by time and records what it read (fused epochs, E1). */
  readonly to: number | null;
  /** Planned ahead: the split ended there when it was read before, so it ends there again. */
  readonly ends?: boolean;
  /** Planned ahead: alignment held the split when it was read before, so it is not idle this time either. */
  readonly paused?: boolean;
  /** State of the split's watermark generators and idleness, as the manifest of the base has it; null for a new split. */
  readonly state: SplitState | null;
  /** The source's own words about the split, from its discovery on. */
  readonly details?: string;
}

export interface Plan {
  readonly format: 1;
  readonly run: RunId;
  readonly epoch: Epoch;
  readonly generation: Generation;
  /** Processing time of the whole epoch: max of now and the last plan's clock (E1). */
  readonly clock: WallTimeMs;
  readonly graphHash: string;
  /** Manifest key of the epoch this one builds on; null for the first. */
  readonly base: string | null;
  readonly splits: readonly PlannedSplit[];
  readonly skip: readonly SkippedRecord[];
  /** Subtasks per stage. */
  readonly subtasks: Readonly<Record<string, number>>;
  /** The exact state to read: base, then segments in this order. */
  readonly state: { readonly base: BaseRef | null; readonly log: readonly SegmentRef[] };
  /** Watermark of each keyed stage at the end of the base epoch. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Why this plan differs from the last attempt's, if it does (recorded re-plan, E1). */
  readonly replan: string | null;
}

export interface SplitState {
  /** Numeric state of each watermark generator on this split, by operator uid. */
  readonly generators: Readonly<Record<string, readonly number[]>>;
  /** State of the user's own generators, by operator uid: packed, as base64. Absent: there are none. */
  readonly objects?: Readonly<Record<string, readonly string[]>>;
  /** Watermark at the split's end of epoch, by operator uid ('' = the source itself). */
  readonly watermark: number;
  /** The same for the sinks that follow it and that its rows reach without a shuffle, by uid. Absent: there are none. */
  readonly sinks?: Readonly<Record<string, number>>;
  /** Plan clock since which the split has had nothing to read; null: it had. */
  readonly idleSince: number | null;
  /** Its generators say that it is idle. */
  readonly idle?: boolean;
  /** Watermark alignment kept it from being read further. */
  readonly paused?: boolean;
  readonly ended: boolean;
}

export interface ReadRange {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly state: SplitState;
  readonly details?: string;
}

export interface StagedSlot {
  readonly sink: string;
  readonly slot: number;
  readonly records: number;
  readonly objects: readonly ObjectRef[];
  /** As the sink that staged it calls it. Absent: it does not say, or the record is older. */
  readonly form?: string;
}

/** Sums over an epoch. Names: recordsIn, filtered, lateDropped, late, deadLettered, refired, recordsOut:<sink uid>, … */
export type Counts = Readonly<Record<string, number>>;

/** The one answer of a subtask, create-if-absent: the first wins (E2). */
export interface Ack {
  readonly format: 1;
  readonly attempt: AttemptId;
  readonly ranges: readonly ReadRange[];
  readonly watermarks: Readonly<Record<string, number>>;
  readonly segments: readonly SegmentRef[];
  readonly staged: readonly StagedSlot[];
  readonly counts: Counts;
  /** Earliest pending timers, null: none. */
  readonly nextTimers: { readonly eventTime: number | null; readonly processingTime: number | null };
  /** Live keys per keyed operator uid, for `millrace state`. */
  readonly keys: Readonly<Record<string, number>>;
  /** Every split has ended and the final watermark has been processed. */
  readonly ended: boolean;
  /** Of the plan as its writer had extended it in memory: nobody else can tell what it ran, so nobody else adopts it. */
  readonly extended?: true;
  /** What the subtasks used, if they count it. */
  readonly consumed?: Consumption;
}

/** The immutable record of one epoch (E3). */
export interface Manifest {
  readonly format: 1;
  readonly job: string;
  readonly run: RunId;
  readonly epoch: Epoch;
  readonly generation: Generation;
  readonly clock: WallTimeMs;
  readonly graphHash: string;
  readonly base: string | null;
  readonly ranges: readonly ReadRange[];
  readonly watermarks: Readonly<Record<string, number>>;
  /** Committed state after this epoch: base, then log. */
  readonly state: { readonly base: BaseRef | null; readonly log: readonly SegmentRef[] };
  readonly staged: readonly StagedSlot[];
  readonly skipped: readonly SkippedRecord[];
  readonly counts: Counts;
  /** Sums since the job's first epoch. */
  readonly totals: Counts;
  readonly nextTimers: Ack['nextTimers'];
  readonly keys: Ack['keys'];
  readonly attempts: number;
  readonly committedAt: WallTimeMs;
  readonly ended: boolean;
  /** What coordinator and subtasks used since the commit before, failed attempts included. Absent: nobody counts, as embedded. */
  readonly consumed?: Consumption;
}

/** Who may take generations (E4). Embedded: boot id, pid and process start time identify a process for ever. */
export interface Lease {
  readonly owner: string;
  /** Milliseconds the owner promises to change the head within; a waiter measures by its own clock since the head last changed. */
  readonly ttlMs: number;
  /** Random, one per start of a coordinator: makes every head a coordinator writes recognisable as its own (E3, unknown outcomes). */
  readonly session: string;
}

/** What `Head.folded` points to: the state of `epoch`'s manifest with its log folded into a new base. */
export interface FoldRecord {
  readonly format: 1;
  readonly run: RunId;
  /** Every segment of the log up to and including this epoch is in `base`. */
  readonly epoch: Epoch;
  readonly base: BaseRef;
}

export type HeadPhase =
  /** Nothing runs: the last epoch is published, or the job is new (epoch 0). */
  | { readonly kind: 'published' }
  /** Epoch `head.epoch + 1` is in work; `head.epoch` is published. */
  | { readonly kind: 'running'; readonly plan: string }
  /** Epoch `head.epoch` is decided; its output may or may not be in the sinks. */
  | { readonly kind: 'committed' }
  /** A run begins (the job's first, or a restore): slots are being fenced and stamped for it before its first plan (section 6). */
  | { readonly kind: 'restoring' }
  | { readonly kind: 'finished' }
  | { readonly kind: 'cancelled' };

/** The job's one mutable record, at most MAX_HEAD_BYTES, changed only by compare-and-set. */
export interface Head {
  readonly format: 1;
  readonly job: string;
  readonly run: RunId;
  readonly generation: Generation;
  /** The last committed epoch; 0: none. */
  readonly epoch: Epoch;
  /** Its manifest's key; null for epoch 0. */
  readonly manifest: string | null;
  /** Key of the record of the folded base that supersedes the manifest's, when folding ran after it. */
  readonly folded: string | null;
  readonly clock: WallTimeMs;
  readonly phase: HeadPhase;
  readonly lease: Lease | null;
}
