/**
 * Conservation, by the manifests, for every graph and however the run ended: what was read is emitted, late, dead-lettered, filtered, dropped
 * as late, or held by an operator's state. Rows of simulated jobs carry the ids of the records they were made of, so each record can be
 * followed through aggregations too.
 */
import { stateOf } from '../../checkpoint/build-plan.ts';
import type { Manifest, Plan } from '../../checkpoint/records.ts';
import { readReachable } from '../../runtime/job-records.ts';
import { ObjectIo, objectName } from '../../runtime/object-io.ts';
import { keyText } from '../../state/key-bytes.ts';
import { readSegment } from '../../state/segment.ts';
import type { JobInWorld } from './job-in-world.ts';
import { DirectCaller } from './direct-caller.ts';
import { lateSinks, type GraphSpec, type KeyedSpec } from './graph-spec.ts';
import { asksSource } from './operator-specs.ts';
import { beforeKeyed } from './oracle-stateless.ts';
import type { AssignerSpec } from './pane-specs.ts';
import { stagedRows } from './sim-sink.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { World } from './world.ts';

export async function checkConservation({ world, spec }: JobInWorld): Promise<void> {
  const head = world.headRecord;
  if (head === null || head.manifest === null) return;
  const caller = new DirectCaller(world);
  const { base } = await readReachable(new SimStateStore(caller), head);
  const manifest = base.manifest!;
  for (const each of world.commits) checkOutputCounts(world, each);
  const readTo = new Map(manifest.ranges.map((range) => [range.id, range.to]));
  const { rows, source, letters, filtered } = beforeKeyed(
    world,
    spec,
    (split, record) => record.position < (readTo.get(split) ?? -Infinity),
  );
  const count = (name: string): number => manifest.totals[name] ?? 0;
  if (count('deadLettered') !== letters.length)
    world.fail(`conservation: ${letters.length} records must become dead letters, ${count('deadLettered')} did`);
  if (count('filtered') < filtered)
    world.fail(
      `conservation: ${filtered} rows are filtered before the first keyed operator, ${count('filtered')} in all`,
    );
  const lateUids = [...lateSinks(spec.main, 'main'), ...lateSinks(spec.second, 'second')];
  const late = lateUids.reduce((sum, uid) => sum + count(`recordsOut:${uid}`), 0);
  if (count('late') !== late)
    world.fail(`conservation: ${count('late')} rows are counted as late, ${late} went to the sinks of late rows`);
  const io = new ObjectIo(new SimBlobStore(caller), null);
  const out = await emitted(world, manifest, io);
  const held = await heldBy(stateOf(base), io);
  const inputs = asksSource(spec.main) || asksSource(spec.second) ? [...rows, ...source] : rows;
  const read = new Set(inputs.flatMap(({ row }) => row.ids));
  for (const id of [...out, ...held])
    if (!read.has(id)) world.fail(`conservation: record ${id} was not read, and is there`);
  // What a later operator filtered, or a window dropped as late, is counted; which records those rows were made of is not.
  if (count('filtered') > filtered || count('lateDropped') > 0 || !keepsRecords(spec)) return;
  for (const id of read) {
    if (!out.has(id) && !held.has(id))
      world.fail(`conservation: record ${id} was read, and is not emitted, late, dead-lettered, filtered or held`);
  }
}

/** Every record that is read is emitted or held: no join, no window that lets rows go unseen, no request without an answer. */
function keepsRecords({ pre, main, post, second }: GraphSpec): boolean {
  return ![...pre, ...post].some((op) => op.startsWith('async')) && [main, second].every(keeps);
}

function keeps(op: KeyedSpec | null): boolean {
  switch (op?.kind) {
    case 'interval-join':
    case 'window-join':
    case 'broadcast-buffer':
    case 'count-window':
      return false;
    case 'co-group':
      return holdsAll(op.windows);
    case 'panes':
      return (
        holdsAll(op.windows) &&
        op.evictor === null &&
        op.trigger.when !== 'count' &&
        op.trigger.when !== 'continuous-clock'
      );
    default:
      return true;
  }
}

/** Every row is in some window. */
const holdsAll = (windows: AssignerSpec): boolean => windows.by !== 'sliding' || windows.slideMs <= windows.sizeMs;

/** By sink: as many rows as are staged. */
function checkOutputCounts(world: World, { epoch, staged, counts }: Manifest): void {
  const expected: Record<string, number> = {};
  for (const { sink, records } of staged) {
    for (const name of ['recordsOut', `recordsOut:${sink}`]) expected[name] = (expected[name] ?? 0) + records;
  }
  for (const name of new Set([...Object.keys(counts), ...Object.keys(expected)])) {
    if (name.startsWith('recordsOut') && counts[name] !== expected[name])
      world.fail(`conservation: epoch ${epoch} counts ${counts[name]} ${name}, and staged ${expected[name]}`);
  }
}

/** Records in the sinks behind the keyed operators, what is staged and not yet published included. */
async function emitted(world: World, last: Manifest, io: ObjectIo): Promise<Set<number>> {
  const ids = new Set<number>();
  const isBehind = (sink: string): boolean =>
    sink === 'out' || sink.startsWith('late-') || sink.startsWith('side-post');
  for (const { sink, inode } of world.visible.values()) if (isBehind(sink)) collectIds(inode.rows, ids);
  for (const { sink, objects } of last.staged)
    if (isBehind(sink))
      for (const object of objects)
        if (await isThere(world, object))
          collectIds(stagedRows(world.sinkKinds.get(sink)!, await io.read(object)), ids);
  return ids;
}

/** Staged output is swept once it is published. */
async function isThere(world: World, object: Manifest['staged'][number]['objects'][number]): Promise<boolean> {
  return 'inline' in object || world.blobs.has(object.blob);
}

/** Records in the operators' state. */
async function heldBy(state: Plan['state'], io: ObjectIo): Promise<Set<number>> {
  const entries = new Map<string, unknown>();
  for (const { object, stage, keyGroups } of [...(state.base?.snapshots ?? []), ...state.log]) {
    const address = (key: unknown, name: string, sub: unknown): string =>
      JSON.stringify([stage, keyText(key), name, sub === null ? null : keyText(sub)]);
    readSegment(await io.read(object), ...keyGroups, objectName(object), {
      restore: (key, name, sub, value) => void entries.set(address(key, name, sub), value),
      restoreRemoved: (key, name, sub) => void entries.delete(address(key, name, sub)),
    });
  }
  const ids = new Set<number>();
  for (const value of entries.values()) collectIds(value, ids);
  return ids;
}

/** Every `ids` in a value, however deep. */
function collectIds(value: unknown, into: Set<number>): void {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Map) {
    for (const entry of value) collectIds(entry, into);
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    if (name === 'ids' && Array.isArray(part)) for (const id of part) into.add(id as number);
    else collectIds(part, into);
  }
}
