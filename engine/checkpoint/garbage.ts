/**
 * What a sweep may delete (E6), decided from a head and from names alone. An object or item is garbage when its writer is
 * decided, that is, can no longer commit, and nothing that the head leads to refers to it. The caller's head may be older than the
 * store's: what it refers to may then be dead already, but what is decided under it stays decided (generations and epochs only
 * grow, and later heads refer to its objects or to objects of later generations), so a late sweep deletes nothing alive.
 */
import { standsFor } from './adopt-fold.ts';
import { stateOf } from './build-plan.ts';
import { parseItemKey, type ItemName } from './item-keys.ts';
import { parseObjectName } from './object-names.ts';
import type { FoldRecord, Head, Manifest, ObjectRef, Plan } from './records.ts';

/** What the head leads to, read by the caller. `pinned`: further manifests that someone reads (savepoints). */
export interface Reachable {
  readonly head: Head;
  readonly manifest: Manifest | null;
  readonly folded: FoldRecord | null;
  readonly plan: Plan | null;
  readonly pinned?: readonly Manifest[];
  /** Keys of manifests kept as history, for people; their objects are not kept. */
  readonly history?: readonly string[];
}

export interface Garbage {
  readonly items: readonly string[];
  readonly blobs: readonly string[];
}

export function garbage(reachable: Reachable, itemKeys: readonly string[], blobNames: readonly string[]): Garbage {
  const { head } = reachable;
  const items = keptItems(reachable);
  const blobs = keptBlobs(reachable);
  return {
    items: itemKeys.filter((key) => {
      const name = parseItemKey(key);
      if (name === null || items.has(key)) return false;
      return name.kind === 'fold' ? isOldFold(reachable, name, null) : isDecided(head, name);
    }),
    blobs: blobNames.filter((blob) => {
      const name = parseObjectName(head.job, blob);
      if (name === null || blobs.has(blob)) return false;
      return name.kind === 'fold' ? isOldFold(reachable, name, name.run) : isDecided(head, name);
    }),
  };
}

/** E6: can whoever wrote this still get it committed? */
function isDecided(head: Head, name: Pick<ItemName, 'epoch' | 'generation'>): boolean {
  if (name.generation < head.generation) return true;
  // A plan that was written and never taken. Whoever holds a head without a lease has ended; the next claim skips its generation.
  if (name.generation > head.generation) return head.lease === null && name.generation === head.generation + 1;
  return name.epoch <= head.epoch || head.phase.kind !== 'running';
}

/**
 * E6: can this fold never stand for a log any more? Whoever folds may work beside many epochs, by a head that is old by then, so
 * generations say nothing: as long as some of the log that it stands for is there, it may be adopted (adopt-fold.ts), or its
 * writer may still be at work.
 */
function isOldFold({ head, manifest, folded }: Reachable, name: FoldName, run: string | null): boolean {
  if (name.generation > head.generation || name.epoch > head.epoch) return false;
  if (head.phase.kind === 'finished' || head.phase.kind === 'cancelled') return true;
  if (run !== null && run < head.run) return true;
  return !standsFor(name.epoch, stateOf({ manifest, folded }).log);
}

type FoldName = Pick<ItemName, 'epoch' | 'generation'>;

function keptItems(reachable: Reachable): Set<string> {
  const { head } = reachable;
  const kept = new Set<string>(reachable.history ?? []);
  if (head.manifest !== null) kept.add(head.manifest);
  if (head.folded !== null) kept.add(head.folded);
  if (head.phase.kind === 'running') kept.add(head.phase.plan);
  return kept;
}

function keptBlobs(reachable: Reachable): Set<string> {
  const kept = new Set<string>();
  const keep = (object: ObjectRef): void => {
    if ('blob' in object) kept.add(object.blob);
  };
  const keepState = (state: Manifest['state']): void => {
    for (const snapshot of state.base?.snapshots ?? []) keep(snapshot.object);
    for (const segment of state.log) keep(segment.object);
  };
  const { head, manifest, folded, plan } = reachable;
  // A fold supersedes the log that it stands for; staged output is needed until it is published (E5, E6).
  keepState(stateOf({ manifest, folded }));
  if (manifest !== null && head.phase.kind === 'committed')
    for (const slot of manifest.staged) slot.objects.forEach(keep);
  if (plan !== null) keepState(plan.state);
  for (const pinned of reachable.pinned ?? []) keepState(pinned.state);
  return kept;
}
