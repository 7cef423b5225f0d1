/** What `millrace state` shows of a job: its head, its retained epochs, positions, watermarks, keys and sizes. Reads only. */
import type { Head, HeadPhase, Lease, ReadRange } from '../checkpoint/records.ts';
import { stateOf } from '../checkpoint/build-plan.ts';
import { parseObjectName, jobObjectPrefix } from '../checkpoint/object-names.ts';
import { CorruptionError } from '../model/errors.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { StateStore } from '../ports/state-store.ts';
import { readHead, readManifestChain, readReachable } from './job-records.ts';
import { RETAINED_MANIFESTS } from './sweep.ts';

export interface EpochSummary {
  readonly epoch: number;
  readonly generation: number;
  readonly run: string;
  readonly committedAt: number;
  readonly clock: number;
  readonly attempts: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly staged: readonly {
    readonly sink: string;
    readonly slot: number;
    readonly records: number;
    readonly bytes: number;
  }[];
}

export interface JobState {
  readonly job: string;
  readonly run: string;
  readonly phase: HeadPhase['kind'];
  readonly epoch: number;
  readonly generation: number;
  readonly clock: number;
  readonly lease: Lease | null;
  /** Newest first. */
  readonly epochs: readonly EpochSummary[];
  readonly splits: readonly {
    readonly id: string;
    readonly position: number;
    readonly watermark: number;
    readonly idleSince: number | null;
    readonly ended: boolean;
  }[];
  /** By stage. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Live keys by operator uid. */
  readonly keys: Readonly<Record<string, number>>;
  readonly totals: Readonly<Record<string, number>>;
  readonly nextTimers: { readonly eventTime: number | null; readonly processingTime: number | null };
  readonly state: {
    readonly baseEpoch: number | null;
    readonly baseBytes: number;
    readonly logSegments: number;
    readonly logBytes: number;
    readonly objects: number;
    readonly objectBytes: number;
  };
}

/** A job that commits all the time may sweep what its head led to a moment ago. */
const MAX_READS = 5;

/** Null: there is no such job. `epochs`: how many to list at most. */
export async function readJobState(
  store: StateStore,
  blobs: BlobStore,
  job: string,
  epochs: number = RETAINED_MANIFESTS,
): Promise<JobState | null> {
  for (let reads = 1; ; reads++) {
    const found = await readHead(store, job);
    if (found === null) return null;
    try {
      return await readStateOf(store, blobs, found.head, epochs);
    } catch (error) {
      // E6: a reader that misses a record reads the head again. If that has not moved, the record is lost.
      const isSwept = error instanceof CorruptionError && (await readHead(store, job))?.version !== found.version;
      if (!isSwept || reads === MAX_READS) throw error;
    }
  }
}

async function readStateOf(store: StateStore, blobs: BlobStore, head: Head, epochs: number): Promise<JobState> {
  const { job } = head;
  const { base } = await readReachable(store, head);
  const chain = await readManifestChain(store, head, epochs);
  const { manifest } = base;
  const state = stateOf(base);
  const objects = (await blobs.list(jobObjectPrefix(job))).filter((blob) => parseObjectName(job, blob.name) !== null);
  return {
    job,
    run: head.run,
    phase: head.phase.kind,
    epoch: head.epoch,
    generation: head.generation,
    clock: head.clock,
    lease: head.lease,
    epochs: chain.map(({ manifest: m }) => ({
      epoch: m.epoch,
      generation: m.generation,
      run: m.run,
      committedAt: m.committedAt,
      clock: m.clock,
      attempts: m.attempts,
      counts: m.counts,
      staged: m.staged.map((s) => ({ sink: s.sink, slot: s.slot, records: s.records, bytes: sumBytes(s.objects) })),
    })),
    splits: (manifest?.ranges ?? []).map((range: ReadRange) => ({
      id: range.id,
      position: range.to,
      watermark: range.state.watermark,
      idleSince: range.state.idleSince,
      ended: range.state.ended,
    })),
    watermarks: manifest?.watermarks ?? {},
    keys: manifest?.keys ?? {},
    totals: manifest?.totals ?? {},
    nextTimers: manifest?.nextTimers ?? { eventTime: null, processingTime: null },
    state: {
      baseEpoch: state.base?.epoch ?? null,
      baseBytes: sumBytes((state.base?.snapshots ?? []).map((s) => s.object)),
      logSegments: state.log.length,
      logBytes: sumBytes(state.log.map((s) => s.object)),
      objects: objects.length,
      objectBytes: objects.reduce((n, blob) => n + blob.size, 0),
    },
  };
}

const sumBytes = (objects: readonly { readonly bytes: number }[]): number =>
  objects.reduce((n, object) => n + object.bytes, 0);
