/**
 * Where results go: stage, commit, publish (ARCHITECTURE section 6). A writer turns rows into bytes that are staged with the
 * epoch; after the commit a publisher makes them visible, as often as needed (E5).
 */
import type { Clock } from './clock.ts';
import type { BlobStore } from './blob-store.ts';
import type { Log } from './log.ts';

export type DeliveryGuarantee = 'NONE' | 'AT_LEAST_ONCE' | 'EXACTLY_ONCE';
/** Flink's enum. */
export const DeliveryGuarantee = {
  NONE: 'NONE',
  AT_LEAST_ONCE: 'AT_LEAST_ONCE',
  EXACTLY_ONCE: 'EXACTLY_ONCE',
} as const satisfies { readonly [G in DeliveryGuarantee]: G };

export interface SinkContext {
  readonly job: string;
  /** uid of the sink operator: part of every name and marker. */
  readonly sink: string;
  readonly clock: Clock;
  readonly log: Log | null;
  readonly blobs: BlobStore | null;
}

export interface Sink<T> {
  readonly description: string;
  readonly guarantee: DeliveryGuarantee;
  /** What whoever starts the job should know, in words. */
  readonly notice?: string | null;
  /** What it writes to, where two sinks of a job must not share it: names a folder and prefix, for example. */
  readonly target?: string;
  /** Form of what its writers stage: an epoch that was staged in another form is not published by this sink. Absent: there is one form only. */
  readonly stagedForm?: string;
  /** Before the first plan: throws ConfigError naming what is missing or refused. */
  validate(ctx: SinkContext): Promise<void>;
  /** In each process, before its first writer: loads what writing needs. */
  open?(ctx: SinkContext): Promise<void>;
  writer(ctx: SinkContext): SinkWriter<T>;
  /** True: its publisher has `committed`, and every manifest records how far the rows that come here are. */
  readonly followsWatermark?: boolean;
  /** True: its publisher takes an epoch's slots at the same time; otherwise one after the other. */
  readonly concurrentSlots?: boolean;
  /**
   * True: its publisher has `refresh`, called after publications and now and then while the job is idle; and where a job goes on and all is
   * published, its slots are stamped again with the run and epoch that they stand at, in case the target has forgotten.
   */
  readonly needsRefresh?: boolean;
  publisher(ctx: SinkContext): Promise<SinkPublisher>;
}

/** Synchronous: the hot path ends here. One per subtask; used for one epoch after the other. */
export interface SinkWriter<T> {
  /** Rows [0, n) of the columns; nothing may be kept of them. Throws what user code (an encoder) throws, at the row `failedRow`. */
  write(values: readonly T[], timestamps: Float64Array, n: number): void;
  /** Index of the row that made the last `write` throw. */
  readonly failedRow: number;
  /** Bytes held now, to cut an epoch before they grow without bound. */
  readonly bytes: number;
  /** The epoch's output so far, ready to be staged, and an empty writer again. No chunks: nothing was written. */
  take(): StagedOutput;
  /** Forgets what was not taken: the attempt failed. */
  discard(): void;
}
export interface StagedOutput {
  readonly chunks: readonly Uint8Array[];
  readonly records: number;
}

/** What one slot publishes for one committed epoch. */
export interface Publication {
  readonly run: string;
  readonly epoch: number;
  readonly slot: number;
  readonly records: number;
  /** The staged bytes, in order, read from the segments that the manifest names. */
  readonly chunks: readonly Uint8Array[];
}

/** How far the rows of a sink have come with a committed epoch. */
export interface SinkProgress {
  readonly run: string;
  readonly epoch: number;
  /** No row below it comes any more, late ones aside; MAX_WATERMARK at the end. */
  readonly watermark: number;
  /** Processing time of the epoch. */
  readonly clockMs: number;
  /** The input has ended: there is no later epoch. */
  readonly ended: boolean;
}

export interface SinkPublisher {
  /**
   * Fence, then read the marker, then write records and marker atomically. Idempotent: 'already' when the marker is at or
   * beyond (run, epoch). A timeout is UnknownOutcomeError, never a result.
   */
  publish(publication: Publication): Promise<'published' | 'already'>;
  /** For sinks that follow the watermark: an epoch's slots are published, or had nothing. Repeated like `publish`, so idempotent. */
  committed?(progress: SinkProgress): Promise<void>;
  /** A restore, before its first plan: fences the slot and stamps its marker with the new run at `epoch` (section 6). */
  stamp(run: string, epoch: number, slot: number): Promise<void>;
  /** For sinks with `needsRefresh`: keeps alive what the target would forget (Kafka's offsets expire). Cheap where nothing is due. */
  refresh?(): Promise<void>;
  close(): Promise<void>;
}
