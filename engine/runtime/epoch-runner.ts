/**
 * What the coordinator asks of the data plane. The coordinator knows the protocol and nothing of operators; the runner knows
 * operators and nothing of commits. Fused epochs: one runner on one thread.
 */
import type { Ack, Manifest, Plan, BaseRef, SegmentRef, ReadRange } from '../checkpoint/records.ts';
import type { AttemptId } from '../model/ids.ts';
import type { KnownSplits } from '../ports/source.ts';

/** When an epoch that is not planned ahead stops reading. */
export interface EpochBudget {
  /** Milliseconds of reading after which the epoch is cut. */
  readonly intervalMs: number;
  /** Milliseconds after which the attempt fails (checkpoint timeout). */
  readonly timeoutMs: number;
  /** Rows after which it is cut; tests choose their cuts with it. */
  readonly maxRows: number;
  /** Cut it as soon as no split has anything at hand: whoever runs it comes back for the rest, instead of waiting here. */
  readonly untilDry?: boolean;
  /** Fires when the job is to stop or to be cancelled: stop reading, finish with what was read. */
  readonly signal: AbortSignal;
}

export interface SplitOffer {
  /** `<source uid>/<split id>` */
  readonly id: string;
  readonly startPosition: number;
  readonly details?: string;
}

/** A failed attempt, in the form the coordinator decides by. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure';
  /** What the attempt had read when it failed: the retry runs exactly these ranges (E1). Null: not known. */
  readonly ranges: readonly ReadRange[] | null;
  /** The record to skip on the retry, if the job has a dead-letter output and the record is known. */
  readonly poison: {
    readonly split: string;
    readonly position: number;
    readonly operator: string;
    readonly error: string;
  } | null;
  /** False: trying again cannot help (a bad configuration, corruption, a bug). */
  readonly retryable: boolean;
  constructor(cause: unknown, options: Pick<AttemptFailure, 'ranges' | 'poison' | 'retryable'>) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.ranges = options.ranges;
    this.poison = options.poison;
    this.retryable = options.retryable;
  }
}

export interface EpochRunner {
  /** Hash of the job graph, for plans. */
  readonly graphHash: string;
  /** Splits that sources offer now, in ascending order of id. `known`: those of the committed epochs. */
  discover(known: KnownSplits): Promise<readonly SplitOffer[]>;
  /** Subtasks per stage for a plan. */
  subtasks(): Readonly<Record<string, number>>;
  /**
   * Runs the plan and stages everything (E2); throws AttemptFailure. In-memory state that belongs to `plan.state` is reused,
   * anything else is discarded and read from the segments the plan names.
   * `idle` in the answer: nothing was read and no timer fired, so the epoch need not commit. Then nothing was written either, and
   * the plan may be run again, extended: a later clock, new splits, the splits' states as this ack had them.
   * Every planned split is in `ack.ranges`, `from` as planned; ended ones are planned too, with `state.ended`.
   * Objects are named by `attemptObjectName` (checkpoint/object-names.ts), or sweeps will not find them.
   */
  run(plan: Plan, attempt: AttemptId, budget: EpochBudget): Promise<{ readonly ack: Ack; readonly idle: boolean }>;
  /** The attempt's segments won (E3): memory now stands at `manifest`. */
  committed(manifest: Manifest): void;
  /** Publishes every staged slot of a committed epoch, idempotently (E5). */
  publish(manifest: Manifest): Promise<void>;
  /**
   * Fences and stamps every slot of every sink for a new run (section 6), the job's first included. Monotone: run ids compare as
   * strings (checkpoint/run-ids.ts, `compareMarkers`); a marker of this run at or beyond `epoch` stays, one of a later run
   * means FencedError. Otherwise a paused coordinator's late stamp would make output be published twice.
   */
  stamp(run: string, epoch: number): Promise<void>;
  /** A job goes on, and all of `run` up to `epoch` is published: markers that have expired meanwhile are stamped anew. */
  resume?(run: string, epoch: number): Promise<void>;
  /** Folds `log` into `base` and returns the new base (its objects written, durable, named by `foldObjectName` with `tag`). */
  fold(base: BaseRef | null, log: readonly SegmentRef[], run: string, tag: string): Promise<BaseRef>;
  /** Waits until a source may have something new, a time has come, or the signal fires; used while the job idles. */
  waitForInput(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
