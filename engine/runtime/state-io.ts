/** Keyed state between the operators and the object store: restore what a plan names, and fold the log into a base. */
import { foldObjectName } from '../checkpoint/object-names.ts';
import type { BaseRef, ObjectRef, Plan, SegmentRef } from '../checkpoint/records.ts';
import { ConfigError } from '../model/errors.ts';
import type { Epoch } from '../model/ids.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { StateTable, TablePlace } from '../ports/state-table.ts';
import { keyHash, keyText } from '../state/key-bytes.ts';
import { BROADCAST_PREFIX } from '../state/key-in-group.ts';
import { isReserved } from '../state/key-record.ts';
import { readSegment, SegmentWriter } from '../state/segment.ts';
import type { StateReader } from '../state/state-entries.ts';
import type { KeyedStage } from './keyed-stage.ts';
import type { WiredJob } from './wire-job.ts';
import { objectName, ObjectIo } from './object-io.ts';
import { scanRecords, type RecordEpochs } from './table/scan-records.ts';
import type { TableBackend } from './table/table-backend.ts';

/** Tells committed states apart: what a cache in memory is valid for (ARCHITECTURE section 5). */
export function stateTag(state: Plan['state']): string {
  const { base, log } = state;
  const table = base?.table === undefined ? [] : [`${base.table.namespace}@${base.epoch}`];
  return [...table, ...[...(base?.snapshots ?? []), ...log].map((part) => objectName(part.object))].join('|');
}

export interface Restore {
  readonly job: string;
  readonly stages: readonly KeyedStage[];
  readonly blobs: BlobStore;
  readonly table: TableBackend | null;
  /** Stages that are not read here. */
  isElsewhere(uid: string): boolean;
}

/** Hands every entry of the state to its stage, in the order written; stages with keys that come and go get the log alone. */
export async function restoreState(state: Plan['state'], restore: Restore): Promise<void> {
  const { stages, blobs } = restore;
  const { base, log } = state;
  const io = new ObjectIo(blobs, null);
  const parts = [...(base?.snapshots ?? []).map((part) => ({ ...part, epoch: base!.epoch, dues: false })), ...log];
  for (const uid of new Set([...(base?.table?.operators ?? []), ...parts.map((part) => part.stage)])) {
    const stage = stages.find((s) => s.uid === uid);
    if (stage === undefined) {
      if (restore.isElsewhere(uid)) continue;
      throw new ConfigError(
        `the checkpoint holds state of operator uid "${uid}", but the job has no such operator any more. Give the operator its old uid, or start the job in a new state folder.`,
      );
    }
    const own = parts.filter((part) => part.stage === uid);
    stage.paged?.begin(base);
    // What does not say when keys are due has to be read as a whole.
    const isWhole = stage.paged === null || own.some((part) => part.dues !== true);
    const reader = isWhole ? await tableReader(stage, base, restore) : null;
    for (const { object, epoch, keyGroups } of own) {
      const [from, to] = stage.keyGroups;
      // What all subtasks share stands in key group 0.
      const shared = stage.hasBroadcastState && from > 0 && keyGroups[0] === 0;
      const isOwn = keyGroups[1] > from && keyGroups[0] < to;
      if (!isOwn && !shared) continue;
      const bytes = await io.read(object);
      const what = objectName(object);
      const { maxParallelism } = stage.keys;
      if (shared) readSegment(bytes, 0, 1, what, broadcastOnly(stage.reader), maxParallelism);
      if (isOwn && reader !== null) readSegment(bytes, from, to, what, reader(epoch), maxParallelism);
      if (isOwn) stage.paged?.restoreSegment(bytes, epoch, what);
    }
    if (isWhole) stage.paged?.adoptAll();
  }
}

/** Hands a stage its records in the table, and answers with who reads the entries of later epochs. */
async function tableReader(
  stage: KeyedStage,
  base: BaseRef | null,
  { job, table }: Restore,
): Promise<(epoch: number) => StateReader> {
  const { uid, reader } = stage;
  const place = placeOf(job, uid, base);
  if (place === null) return () => newerOnly(reader, new Map(), 0);
  if (table === null) throw noTable(uid);
  const epochs = await scanRecords(table.table, place, stage.keyGroups, reader);
  return (epoch) => newerOnly(reader, epochs, epoch);
}

function noTable(uid: string): ConfigError {
  return new ConfigError(
    `the state of operator uid "${uid}" stands in a state table, and this process has none. Run the job where its table is.`,
  );
}

function placeOf(job: string, operator: string, base: BaseRef | null): TablePlace | null {
  const table = base?.table;
  return table?.operators.includes(operator) === true ? { job, namespace: table.namespace, operator } : null;
}

/** What an operator reads of a segment of the epoch: nothing that its record in the table has already. */
function newerOnly(reader: StateReader, records: RecordEpochs, epoch: number): StateReader {
  const isNews = (key: unknown, name: string): boolean =>
    !isReserved(name) && (records.size === 0 || (records.get(keyText(key)) ?? -1) < epoch);
  return {
    restore: (key, name, sub, value) => {
      if (isNews(key, name)) reader.restore(key, name, sub, value);
    },
    restoreRemoved: (key, name, sub) => {
      if (isNews(key, name)) reader.restoreRemoved(key, name, sub);
    },
  };
}

function broadcastOnly(reader: StateReader): StateReader {
  return {
    restore: (key, name, sub, value) => {
      if (name.startsWith(BROADCAST_PREFIX)) reader.restore(key, name, sub, value);
    },
    restoreRemoved: (key, name, sub) => {
      if (name.startsWith(BROADCAST_PREFIX)) reader.restoreRemoved(key, name, sub);
    },
  };
}

/** Fresh operators with the state that the plan names; whatever was in memory is gone. */
export async function bringTo(plan: Plan, wired: WiredJob, blobs: BlobStore): Promise<void> {
  await wired.reset(plan.subtasks);
  const { job, stages, table } = wired;
  await restoreState(plan.state, { job, stages, blobs, table, isElsewhere: (uid) => wired.livesElsewhere(uid) });
  for (const stage of stages) stage.restored(plan.watermarks[stage.uid] ?? MIN_WATERMARK);
}

/**
 * Memory stands at `before`: does it stand at `next`, too, of which no more is new than that a part of the log is folded? (An epoch's number is
 * never used twice, so the state of an epoch is one.) Stages with keys that come and go are told; all others have everything in memory.
 */
export function rebased(stages: readonly KeyedStage[], before: Plan['state'], next: Plan['state']): boolean {
  const { base, log } = next;
  const paged = stages.filter((stage) => stage.paged !== null);
  if (base === null || paged.length === 0) return false;
  if (base.epoch <= (before.base?.epoch ?? 0) || base.epoch > foldedEpoch(before.base, before.log)) return false;
  if (base.snapshots.some((part) => paged.some(({ uid }) => uid === part.stage))) return false;
  const names = (parts: readonly SegmentRef[]): string => parts.map((part) => objectName(part.object)).join('|');
  if (names(before.log.filter((part) => part.epoch > base.epoch)) !== names(log)) return false;
  for (const stage of paged) stage.paged!.rebase(base);
  return true;
}

/** The last epoch that base and log hold. */
export function foldedEpoch(base: BaseRef | null, log: readonly SegmentRef[]): Epoch {
  return log.reduce((last, part) => Math.max(last, part.epoch), base?.epoch ?? 0) as Epoch;
}

/** The state in memory as a base: one snapshot per subtask. */
export async function dumpState(
  stages: readonly KeyedStage[],
  blobs: BlobStore,
  job: string,
  epoch: Epoch,
  run: string,
  tag: string,
): Promise<BaseRef> {
  const snapshots: { object: ObjectRef; stage: string; keyGroups: readonly [number, number] }[] = [];
  for (const stage of stages) {
    for (const { operator, keyGroups } of stage.subtasks) {
      const writer = new SegmentWriter(stage.keys.maxParallelism);
      operator.dump(writer);
      const bytes = writer.finish();
      if (bytes === null) continue;
      const blob = foldObjectName(job, run, tag, `${stage.uid}-${keyGroups[0]}`);
      await blobs.create(blob, [bytes]);
      snapshots.push({ object: { blob, bytes: bytes.length }, stage: stage.uid, keyGroups });
    }
  }
  return { epoch, snapshots };
}

/** Key groups folded at a time: bounds what is in memory and how long a slice takes. */
const FOLD_GROUPS = 8;

interface Entry {
  readonly key: unknown;
  readonly name: string;
  readonly sub: unknown;
  readonly value: unknown;
}

/**
 * Merges base and log, later entries first come last: one snapshot per stage and range of key groups. Reads only immutable objects,
 * so it may run beside the next epochs; `breathe` lets them. `only`: these stages; by default all.
 */
export async function foldState(
  blobs: BlobStore,
  job: string,
  base: BaseRef | null,
  log: readonly SegmentRef[],
  run: string,
  tag: string,
  maxParallelism: number,
  breathe: () => Promise<void>,
  table: StateTable | null = null,
  only: ReadonlySet<string> = stagesOf(base, log),
): Promise<BaseRef> {
  const io = new ObjectIo(blobs, null);
  const parts = [...(base?.snapshots ?? []).map((part) => ({ ...part, epoch: base!.epoch })), ...log];
  const snapshots: { object: ObjectRef; stage: string; keyGroups: readonly [number, number] }[] = [];
  const cache = new Map<string, Uint8Array>();
  for (const stage of only) {
    const own = parts.filter((part) => part.stage === stage);
    const place = placeOf(job, stage, base);
    if (place !== null && table === null) throw noTable(stage);
    for (let from = 0; from < maxParallelism; from += FOLD_GROUPS) {
      const to = Math.min(maxParallelism, from + FOLD_GROUPS);
      const records = place === null ? null : { table: table!, place };
      const bytes = await foldRange(own, records, from, to, maxParallelism, io, cache, breathe);
      if (bytes === null) continue;
      const name = foldObjectName(job, run, tag, `${stage}-${from}`);
      await blobs.create(name, [bytes]);
      snapshots.push({ object: { blob: name, bytes: bytes.length }, stage, keyGroups: [from, to] });
    }
  }
  return { epoch: foldedEpoch(base, log), snapshots };
}

/** Every stage that has state. */
export function stagesOf(base: BaseRef | null, log: readonly SegmentRef[]): ReadonlySet<string> {
  const parts = [...(base?.snapshots ?? []), ...log].map((part) => part.stage);
  return new Set([...(base?.table?.operators ?? []), ...parts]);
}

async function foldRange(
  parts: readonly Pick<SegmentRef, 'object' | 'keyGroups' | 'epoch'>[],
  records: { readonly table: StateTable; readonly place: TablePlace } | null,
  from: number,
  to: number,
  maxParallelism: number,
  io: ObjectIo,
  cache: Map<string, Uint8Array>,
  breathe: () => Promise<void>,
): Promise<Uint8Array | null> {
  const live = new Map<string, Entry>();
  const address = (key: unknown, name: string, sub: unknown): string => {
    const text = keyText(key);
    return `${text.length}:${text}${name.length}:${name}${sub === null ? '' : keyText(sub)}`;
  };
  const reader: StateReader = {
    restore: (key, state, sub, value) => live.set(address(key, state, sub), { key, name: state, sub, value }),
    restoreRemoved: (key, state, sub) => live.delete(address(key, state, sub)),
  };
  const epochs: RecordEpochs =
    records === null ? new Map() : await scanRecords(records.table, records.place, [from, to], reader);
  for (const { object, keyGroups, epoch } of parts) {
    if (keyGroups[1] <= from || keyGroups[0] >= to) continue;
    const name = objectName(object);
    let bytes = cache.get(name);
    if (bytes === undefined) cache.set(name, (bytes = await io.read(object)));
    readSegment(bytes, from, to, name, newerOnly(reader, epochs, epoch));
    await breathe();
  }
  const writer = new SegmentWriter(maxParallelism);
  for (const { key, name, sub, value } of live.values())
    writer.put(keyHash(key) % maxParallelism, key, name, sub, value);
  await breathe();
  return writer.finish();
}
