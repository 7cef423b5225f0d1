/** The tiny world that the exploration of `step` goes through (exploration-actions.ts). Test code. */
import type { Ack, FoldRecord, Head, Manifest, Plan } from './records.ts';
import type { Machine } from './states.ts';

export const GUARDS = [
  'casIsConditional',
  'unknownReadsTheHead',
  'lostIsNotWon',
  'settlingComparesTheHead',
  'firstAckWins',
  'republishAfterCrash',
  'failedPublishIsUnknown',
  'markerInTheTarget',
  'stampBeforePlan',
  'restorePublishesFirst',
  'sweepKeepsReferenced',
  'sweepWaitsForDecision',
  'baseFromTheHead',
  'ackCarriesGeneration',
  'namesCarryTheAttempt',
  'stampIsMonotone',
  'writersCarryTheIncarnation',
  'resumeAsksTheLease',
  'extendedAckIsMarked',
  'planIsReadBack',
  'manifestIsReadBack',
  'restoresOnce',
  'foldKeepsLaterLog',
  'foldStandsForLog',
  'sweepKeepsAdoptable',
  'recordAfterItsObjects',
] as const;
export type Guard = (typeof GUARDS)[number];

export const SPLIT = 's';

export interface Written {
  readonly attempt: string;
  readonly from: number;
  readonly to: number;
  /** Of the plan as the attempt knew it. */
  readonly clock: number;
}
/** A base: the segments that were folded into it, in order. */
export interface Folded {
  readonly folds: readonly string[];
}
/** Somebody who folds outside. */
export interface Folder {
  readonly at: 'folding' | 'recording' | 'checking' | 'done';
  readonly version: number;
  readonly head: Head;
  readonly state: Plan['state'];
  readonly tag: string;
}
export interface Published extends Written {
  readonly run: string;
  readonly epoch: number;
  /** The run that had been stamped last when this was written. */
  readonly under: string;
}
export type Item = Plan | Ack | Manifest | FoldRecord;

export interface World {
  readonly head: { readonly version: number; readonly head: Head } | null;
  readonly items: Readonly<Record<string, Item>>;
  readonly blobs: Readonly<Record<string, Written | Folded>>;
  readonly sink: {
    readonly marker: { readonly run: string; readonly epoch: number } | null;
    readonly log: readonly Published[];
  };
  readonly coordinators: readonly Machine[];
  readonly folders: readonly Folder[];
  /** Records of the only split, so epochs at most. */
  readonly end: number;
  /** Manifests in the order in which they were committed; remembered here, because sweeps delete old ones. */
  readonly commits: readonly Manifest[];
  /** What may still go wrong. */
  readonly left: {
    readonly starts: number;
    readonly unknown: number;
    readonly failures: number;
    readonly duplicates: number;
    readonly sweeps: number;
    readonly restores: number;
    /** A session goes on with one more driver, whatever its others do. */
    readonly resumes: number;
    readonly idles: number;
    readonly folds: number;
  };
  /** A law was broken while acting. */
  readonly broken: string | null;
}

export function emptyWorld(left: World['left'], end: number): World {
  return {
    head: null,
    items: {},
    blobs: {},
    sink: { marker: null, log: [] },
    coordinators: [],
    folders: [],
    end,
    commits: [],
    left,
    broken: null,
  };
}

export const blobOf = (object: Ack['segments'][number]['object']): string => ('blob' in object ? object.blob : '');
export const isPlan = (item: Item): item is Plan => 'splits' in item;

export const isWritten = (content: Written | Folded | undefined): content is Written =>
  content !== undefined && 'attempt' in content;

/** The segments that a state is made of, its base's included; null: something is gone. */
export function segmentsOf(w: World, { base, log }: Plan['state']): readonly string[] | null {
  const all: string[] = [];
  for (const snapshot of base?.snapshots ?? []) {
    const content = w.blobs[blobOf(snapshot.object)];
    if (content === undefined || !('folds' in content)) return null;
    all.push(...content.folds);
  }
  for (const segment of log) {
    const name = blobOf(segment.object);
    if (!(name in w.blobs)) return null;
    all.push(name);
  }
  return all;
}
