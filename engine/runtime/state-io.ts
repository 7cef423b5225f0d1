/** Keyed state between the operators and the object store: restore what a plan names, and fold the log into a base. */
import { foldObjectName } from '../checkpoint/object-names.ts';
import type { BaseRef, ObjectRef, Plan, SegmentRef } from '../checkpoint/records.ts';
import { ConfigError } from '../model/errors.ts';
import type { Epoch } from '../model/ids.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import { keyHash, keyText } from '../state/key-bytes.ts';
import { BROADCAST_PREFIX } from '../state/key-in-group.ts';
import { readSegment, SegmentWriter } from '../state/segment.ts';
import type { StateReader } from '../state/state-entries.ts';
import type { KeyedStage } from './keyed-stage.ts';
import type { WiredJob } from './wire-job.ts';
import { objectName, ObjectIo } from './object-io.ts';

/** Tells committed states apart: what a cache in memory is valid for (ARCHITECTURE section 5). */
export function stateTag(state: Plan['state']): string {
  const { base, log } = state;
  return [...(base?.snapshots ?? []), ...log].map((part) => objectName(part.object)).join('|');
}

/** Hands every entry of the state to its stage, in the order written. */
export async function restoreState(state: Plan['state'], stages: readonly KeyedStage[], io: ObjectIo): Promise<void> {
  for (const part of [...(state.base?.snapshots ?? []), ...state.log]) {
    const stage = stages.find((s) => s.uid === part.stage);
    if (stage === undefined) {
      throw new ConfigError(
        `the checkpoint holds state of operator uid "${part.stage}", but the job has no such operator any more. Give the operator its old uid, or start the job in a new state folder.`,
      );
    }
    const [from, to] = stage.keyGroups;
    // What all subtasks share stands in key group 0.
    const shared = stage.hasBroadcastState && from > 0 && part.keyGroups[0] === 0;
    const own = part.keyGroups[1] > from && part.keyGroups[0] < to;
    if (!own && !shared) continue;
    const bytes = await io.read(part.object);
    const { reader, keys } = stage;
    if (shared) readSegment(bytes, 0, 1, objectName(part.object), broadcastOnly(reader), keys.maxParallelism);
    if (own) readSegment(bytes, from, to, objectName(part.object), reader, keys.maxParallelism);
  }
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
  await restoreState(plan.state, wired.stages, new ObjectIo(blobs, null));
  for (const stage of wired.stages) stage.restored(plan.watermarks[stage.uid] ?? MIN_WATERMARK);
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
 * so it may run beside the next epochs; `breathe` lets them.
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
): Promise<BaseRef> {
  const io = new ObjectIo(blobs, null);
  const parts = [...(base?.snapshots ?? []), ...log];
  const snapshots: { object: ObjectRef; stage: string; keyGroups: readonly [number, number] }[] = [];
  const cache = new Map<string, Uint8Array>();
  for (const stage of new Set(parts.map((part) => part.stage))) {
    const own = parts.filter((part) => part.stage === stage);
    for (let from = 0; from < maxParallelism; from += FOLD_GROUPS) {
      const to = Math.min(maxParallelism, from + FOLD_GROUPS);
      const bytes = await foldRange(own, from, to, maxParallelism, io, cache, breathe);
      if (bytes === null) continue;
      const name = foldObjectName(job, run, tag, `${stage}-${from}`);
      await blobs.create(name, [bytes]);
      snapshots.push({ object: { blob: name, bytes: bytes.length }, stage, keyGroups: [from, to] });
    }
  }
  return { epoch: foldedEpoch(base, log), snapshots };
}

async function foldRange(
  parts: readonly { readonly object: ObjectRef; readonly keyGroups: readonly [number, number] }[],
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
  for (const { object, keyGroups } of parts) {
    if (keyGroups[1] <= from || keyGroups[0] >= to) continue;
    const name = objectName(object);
    let bytes = cache.get(name);
    if (bytes === undefined) cache.set(name, (bytes = await io.read(object)));
    readSegment(bytes, from, to, name, {
      restore: (key, state, sub, value) => live.set(address(key, state, sub), { key, name: state, sub, value }),
      restoreRemoved: (key, state, sub) => live.delete(address(key, state, sub)),
    });
    await breathe();
  }
  const writer = new SegmentWriter(maxParallelism);
  for (const { key, name, sub, value } of live.values())
    writer.put(keyHash(key) % maxParallelism, key, name, sub, value);
  await breathe();
  return writer.finish();
}
