/** Looks into a state folder with nobody running: where the job stands, and what should not be there. Shares nothing with the sweep. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jobObjectPrefix } from '../engine/checkpoint/object-names.ts';
import type { Counts, Head, Manifest, ObjectRef } from '../engine/checkpoint/records.ts';
import { DiskBlobStore } from '../engine/embedded/disk-blob-store.ts';
import { DiskStateStore } from '../engine/embedded/disk-state-store.ts';
import type { StateStore } from '../engine/ports/state-store.ts';
import { readHead, readManifestChain, readReachable } from '../engine/runtime/job-records.ts';
import { RETAINED_MANIFESTS } from '../engine/runtime/sweep.ts';

export interface Standing {
  readonly head: Head;
  /** Of the last committed epoch; null: none. */
  readonly manifest: Manifest | null;
}

const storesOf = (state: string): { store: DiskStateStore; blobs: DiskBlobStore } => {
  const root = join(state, 'state');
  return { store: new DiskStateStore(root), blobs: new DiskBlobStore(root) };
};

/** Null: no job has begun in this folder. */
export async function standingOf(state: string): Promise<Standing | null> {
  const { store } = storesOf(state);
  const [job] = await store.listJobs();
  const found = job === undefined ? null : await readHead(store, job);
  if (found === null) return null;
  const { base } = await readReachable(store, found.head);
  return { head: found.head, manifest: base.manifest };
}

export const totalsOf = (standing: Standing | null): Counts => standing?.manifest?.totals ?? {};

/** Items and objects that the head does not lead to (E6). */
export async function unreachable(state: string): Promise<readonly string[]> {
  const { store, blobs } = storesOf(state);
  const [job] = await store.listJobs();
  const found = job === undefined ? null : await readHead(store, job);
  if (job === undefined || found === null) return [];
  const { items, objects } = await reachedFrom(store, found.head);
  const listed = await blobs.list(jobObjectPrefix(job));
  return [
    ...(await store.listItems(job, '')).filter((key) => !items.has(key)).map((key) => `item ${key}`),
    ...listed.filter(({ name }) => !objects.has(name)).map(({ name }) => `object ${name}`),
  ];
}

export interface Reached {
  readonly items: ReadonlySet<string>;
  readonly objects: ReadonlySet<string>;
  /** Of the state table. */
  readonly namespaces: ReadonlySet<string>;
}

/** What a head leads to. History that is kept for people counts as reached. */
export async function reachedFrom(store: StateStore, head: Head): Promise<Reached> {
  const { base, plan } = await readReachable(store, head);
  const chain = await readManifestChain(store, head, RETAINED_MANIFESTS);

  const items = new Set(chain.map(({ key }) => key));
  if (head.folded !== null) items.add(head.folded);
  if (head.phase.kind === 'running') items.add(head.phase.plan);

  const objects = new Set<string>();
  const namespaces = new Set<string>();
  const reach = (object: ObjectRef): void => void ('blob' in object && objects.add(object.blob));
  const folded = base.folded === null ? null : { base: base.folded.base, log: [] };
  for (const from of [folded ?? base.manifest?.state, plan?.state]) {
    if (from?.base?.table !== undefined) namespaces.add(from.base.table.namespace);
    for (const snapshot of from?.base?.snapshots ?? []) reach(snapshot.object);
    for (const segment of from?.log ?? []) reach(segment.object);
  }
  if (head.phase.kind === 'committed') for (const slot of base.manifest?.staged ?? []) slot.objects.forEach(reach);
  return { items, objects, namespaces };
}

/** Temporary files in any folder below: a killed process leaves some, the next ones have to remove them. */
export function temporaryFiles(folder: string): readonly string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .filter(({ name, parentPath }) => name.endsWith('.tmp') || /(^|[/\\])tmp$/.test(parentPath))
    .map(({ name, parentPath }) => join(parentPath, name));
}
