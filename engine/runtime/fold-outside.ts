/**
 * Folds a job's log beside its epochs: reads the head, folds what is committed there into a base, and leaves a record that the next plan
 * adopts (checkpoint/adopt-fold.ts). Takes no lease and moves no head, so it may run at any time, several times at once, and die
 * anywhere. What it leaves unfinished is swept once the log that it would have stood for is gone (E6).
 */
import { randomBytes } from 'node:crypto';
import { adopted } from '../checkpoint/adopt-fold.ts';
import { stateOf } from '../checkpoint/build-plan.ts';
import { foldNeed, type FoldLimits } from '../checkpoint/fold-policy.ts';
import { garbage } from '../checkpoint/garbage.ts';
import { foldKey, foldTag } from '../checkpoint/item-keys.ts';
import { foldObjectName } from '../checkpoint/object-names.ts';
import type { BaseRef, FoldRecord, Head, Plan } from '../checkpoint/records.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { StateStore } from '../ports/state-store.ts';
import { readHead, readNewestFold, readReachable } from './job-records.ts';
import { packRecord } from './packed-record.ts';
import { foldJob } from './table/fold-job.ts';
import { sweepTables } from './table/sweep-tables.ts';
import type { TableBackend } from './table/table-backend.ts';

export interface FoldOutsideOptions {
  readonly job: string;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  readonly maxParallelism: number;
  /** Default: `FOLD_LIMITS`. */
  readonly limits?: FoldLimits;
  /** A random word for this fold. Default: from crypto. */
  readonly word?: string;
  /** Called between slices of work. */
  readonly breathe?: () => Promise<void>;
  /** Where stages of backend `table` have their state. */
  readonly table?: TableBackend | null;
  /** Instead of the fold of keyed state: tests. */
  readonly fold?: (state: Plan['state'], run: string, tag: string) => Promise<BaseRef>;
}

export type FoldedOutside =
  | { readonly kind: 'folded'; readonly key: string; readonly record: FoldRecord }
  /** The log is not long. */
  | { readonly kind: 'not-wanted' }
  /** The job has come so far meanwhile that nobody needs this fold. */
  | { readonly kind: 'too-late' };

export async function foldOutside(options: FoldOutsideOptions): Promise<FoldedOutside> {
  const { job, store, limits } = options;
  const found = await readHead(store, job);
  if (found === null || found.head.manifest === null) return { kind: 'not-wanted' };
  const { head } = found;
  if (head.phase.kind === 'finished' || head.phase.kind === 'cancelled') return { kind: 'not-wanted' };
  const tag = foldTag(head.epoch, head.generation, options.word ?? randomBytes(6).toString('hex'));
  try {
    const { base: committed } = await readReachable(store, head);
    if (foldNeed(stateOf(committed), limits) === 'none') return { kind: 'not-wanted' };
    // What was folded and not yet committed with is folded on.
    const newest = adopted(committed, await readNewestFold(store, head, committed), head);
    const state = stateOf(newest);
    if (foldNeed(state, limits) === 'none') return { kind: 'not-wanted' };
    const record = await written(options, head, state, tag);
    const isDead = await withdrawn(options, head, tag);
    return isDead ? { kind: 'too-late' } : { kind: 'folded', key: foldKey(tag), record };
  } catch (error) {
    // E6: what was there under this head may be gone under a later one.
    if ((await readHead(store, job))?.version === found.version) throw error;
    await withdrawn(options, head, tag);
    return { kind: 'too-late' };
  }
}

async function written(
  options: FoldOutsideOptions,
  { run, epoch }: Head,
  state: Plan['state'],
  tag: string,
): Promise<FoldRecord> {
  const { job, store, blobs, maxParallelism, table = null, breathe = async () => {} } = options;
  const fold = options.fold ?? ((...what) => foldJob({ job, blobs, table, maxParallelism, breathe }, ...what));
  const base = await fold(state, run, tag);
  const record: FoldRecord = { format: 1, run, epoch, base };
  // After its objects: nothing dangles.
  await store.createItem(job, foldKey(tag), packRecord(record));
  return record;
}

/** Takes back what a head that is newer by now can never lead to: a sweep may have been there already, and none may follow. */
async function withdrawn(
  { job, store, blobs, table = null }: FoldOutsideOptions,
  { run }: Head,
  tag: string,
): Promise<boolean> {
  const now = await readHead(store, job);
  if (now === null) return false;
  const { base, plan } = await readReachable(store, now.head);
  const names = await blobs.list(foldObjectName(job, run, tag, PREFIX_END).slice(0, -PREFIX_END.length));
  const dead = garbage(
    { head: now.head, ...base, plan },
    [foldKey(tag)],
    names.map(({ name }) => name),
  );
  for (const name of dead.blobs) await blobs.delete(name);
  for (const key of dead.items) await store.deleteItem(job, key);
  const isDead = dead.items.length > 0;
  if (isDead && table !== null) {
    const bases = [stateOf(base).base, ...(plan === null ? [] : [plan.state.base])];
    await sweepTables(table.table, now.head, bases);
  }
  return isDead;
}

const PREFIX_END = 'x';
