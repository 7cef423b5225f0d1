/** Deletes what `garbage` says nobody can read any more (E6). Repeatable; a crash in the middle leaves the rest to the next one. */
import { garbage } from '../checkpoint/garbage.ts';
import { jobObjectPrefix } from '../checkpoint/object-names.ts';
import type { Head } from '../checkpoint/records.ts';
import { stateOf } from '../checkpoint/build-plan.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { StateStore } from '../ports/state-store.ts';
import type { StateTable } from '../ports/state-table.ts';
import { sweepTables } from './table/sweep-tables.ts';
import type { CrashPoint } from './crash-point.ts';
import { readManifestChain, readReachable } from './job-records.ts';

/** Epochs whose manifests stay readable for people (`millrace state`); their objects do not. */
export const RETAINED_MANIFESTS = 16;

export interface Swept {
  readonly items: number;
  readonly blobs: number;
}

export async function sweep(
  store: StateStore,
  blobs: BlobStore,
  head: Head,
  crashPoint: (name: CrashPoint) => void,
  table: StateTable | null = null,
): Promise<Swept> {
  const { base, plan } = await readReachable(store, head);
  const chain = await readManifestChain(store, head, RETAINED_MANIFESTS);
  const [keys, names] = await Promise.all([store.listItems(head.job, ''), blobs.list(jobObjectPrefix(head.job))]);
  const history = chain.map((entry) => entry.key);
  const dead = garbage(
    { head, ...base, plan, history },
    keys,
    names.map((blob) => blob.name),
  );
  for (const name of dead.blobs) await blobs.delete(name);
  crashPoint('sweep');
  for (const key of dead.items) await store.deleteItem(head.job, key);
  const states = [stateOf(base), ...(plan === null ? [] : [plan.state])];
  if (table !== null)
    await sweepTables(
      table,
      head,
      states.map((state) => state.base),
    );
  return { items: dead.items.length, blobs: dead.blobs.length };
}
