/** Whoever folds outside, in the explored world: reads the head, writes the base, writes the record, looks whether that was in time. Test code. */
import { adopted, standsFor } from './adopt-fold.ts';
import { stateOf } from './build-plan.ts';
import { segmentsOf, type Folder, type Guard, type World } from './exploration-state.ts';
import { garbage } from './garbage.ts';
import { foldKey, foldTag, parseItemKey } from './item-keys.ts';
import { foldObjectName } from './object-names.ts';
import type { BaseRef, FoldRecord, Head, Manifest, Plan } from './records.ts';
import type { Base, Machine } from './states.ts';

/** Null: there is nothing to fold. */
export function beginFold(w: World): World | null {
  if (w.head === null) return null;
  const { version, head } = w.head;
  const base = baseOf(w, head);
  if (base?.manifest == null || head.phase.kind === 'finished') return null;
  const state = stateOf(adopted(base, newestFold(w, head, base), head));
  if (state.log.length === 0) return null;
  const tag = foldTag(head.epoch, head.generation, `f${w.folders.length}`);
  return { ...w, folders: [...w.folders, { at: 'folding', version, head, state, tag }] };
}

export function foldOn(w: World, index: number, off: ReadonlySet<Guard>): World {
  const folder = w.folders[index]!;
  const to = (at: Folder['at'], world: World = w): World => ({
    ...world,
    folders: world.folders.with(index, { ...folder, at }),
  });
  const blob = foldObjectName('j', folder.head.run, folder.tag, 'base');
  switch (folder.at) {
    case 'folding': {
      if (off.has('recordAfterItsObjects') && !(foldKey(folder.tag) in w.items)) return recorded(w, folder, blob);
      const folds = segmentsOf(w, folder.state);
      if (folds !== null)
        return to(off.has('recordAfterItsObjects') ? 'checking' : 'recording', {
          ...w,
          blobs: { ...w.blobs, [blob]: { folds } },
        });
      return w.head?.version === folder.version
        ? { ...w, broken: 'the head refers to something deleted: the log' }
        : to('checking');
    }
    case 'recording':
      return to('checking', recorded(w, folder, blob));
    case 'checking': {
      const head = w.head!.head;
      const base = baseOf(w, head);
      const plan = head.phase.kind === 'running' ? (w.items[head.phase.plan] as Plan | undefined) : null;
      if (base === null || plan === undefined) return to('done');
      const dead = garbage({ head, ...base, plan }, [foldKey(folder.tag)], [blob]);
      const { [foldKey(folder.tag)]: _record, ...items } = w.items;
      const { [blob]: _base, ...blobs } = w.blobs;
      return to('done', {
        ...w,
        items: dead.items.length > 0 ? items : w.items,
        blobs: dead.blobs.length > 0 ? blobs : w.blobs,
      });
    }
    case 'done':
      return w;
  }
}

function recorded(w: World, { tag, head, state }: Folder, blob: string): World {
  const last = state.log.at(-1)!.epoch;
  const base: BaseRef = {
    epoch: last,
    snapshots: [{ object: { blob, bytes: 1 }, stage: 'fused', keyGroups: [0, 128] }],
  };
  const record: FoldRecord = { format: 1, run: head.run, epoch: head.epoch, base };
  return { ...w, items: { ...w.items, [foldKey(tag)]: record } };
}

/** What a coordinator that prepares is told. */
export function offeredFold(w: World, { state }: Machine, off: ReadonlySet<Guard>): FoldRecord | null {
  if (state.kind !== 'preparing') return null;
  const record = newestFold(w, state.held.head, state.base);
  if (record === null || !off.has('foldKeepsLaterLog') || state.base.manifest === null) return record;
  return { ...record, epoch: state.base.manifest.epoch };
}

/** As job-records.ts finds it. */
function newestFold(w: World, head: Head, base: Base): FoldRecord | null {
  const { log } = stateOf(base);
  const keys = Object.keys(w.items).filter((key) => {
    const name = parseItemKey(key);
    if (name?.kind !== 'fold' || name.epoch > (base.manifest?.epoch ?? 0)) return false;
    return standsFor(name.epoch, log) && (w.items[key] as FoldRecord).run === head.run;
  });
  return keys.length === 0 ? null : (w.items[keys.toSorted().at(-1)!] as FoldRecord);
}

/** Null: the head has moved on, and what it led to is gone. */
function baseOf(w: World, head: Head): Base | null {
  const manifest = head.manifest === null ? null : (w.items[head.manifest] as Manifest | undefined);
  return manifest === undefined ? null : { manifest, folded: null };
}
