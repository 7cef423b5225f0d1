/** Reads what the head leads to. A record that is missing means that the head has moved on, or corruption: never a guess. */
import { adopted, standsFor } from '../checkpoint/adopt-fold.ts';
import { stateOf } from '../checkpoint/build-plan.ts';
import { decodeHead } from '../checkpoint/head-moves.ts';
import { FOLD_PREFIX, parseItemKey } from '../checkpoint/item-keys.ts';
import type { Ack, FoldRecord, Head, Manifest, Plan } from '../checkpoint/records.ts';
import type { Base } from '../checkpoint/states.ts';
import { CorruptionError } from '../model/errors.ts';
import type { StateStore } from '../ports/state-store.ts';
import { unpackRecord } from './packed-record.ts';

export interface FoundHead {
  readonly version: number;
  readonly head: Head;
}

export async function readHead(store: StateStore, job: string): Promise<FoundHead | null> {
  const found = await store.readHead(job);
  return found === null ? null : { version: found.version, head: decodeHead(job, found.bytes) };
}

async function readRecord<R extends Plan | Ack | Manifest | FoldRecord>(
  store: StateStore,
  job: string,
  key: string,
): Promise<R> {
  const bytes = await store.readItem(job, key);
  if (bytes === null)
    throw new CorruptionError(`Job "${job}" has lost its record ${key}. Restore the state from a copy.`, { job, key });
  return unpackRecord<R>(bytes, `${key} of job "${job}"`);
}

export const readAck = (store: StateStore, job: string, key: string): Promise<Ack> => readRecord<Ack>(store, job, key);

export const readManifest = (store: StateStore, job: string, key: string): Promise<Manifest> =>
  readRecord<Manifest>(store, job, key);

/** Manifest, fold and (in phase Running) plan of a head. */
export async function readReachable(
  store: StateStore,
  head: Head,
): Promise<{ readonly base: Base; readonly plan: Plan | null }> {
  const { job } = head;
  const [manifest, folded, plan] = await Promise.all([
    head.manifest === null ? null : readRecord<Manifest>(store, job, head.manifest),
    head.folded === null ? null : readRecord<FoldRecord>(store, job, head.folded),
    head.phase.kind === 'running' ? readRecord<Plan>(store, job, head.phase.plan) : null,
  ]);
  return { base: { manifest, folded }, plan };
}

/**
 * The newest record of a fold that stands for some of the log of `base`; null: none does. A record that is gone when it is read stands
 * for nothing any more.
 */
export async function readNewestFold(store: StateStore, head: Head, base: Base): Promise<FoldRecord | null> {
  const { job } = head;
  const keys = await store.listItems(job, FOLD_PREFIX);
  for (const key of keys.toReversed()) {
    const epoch = parseItemKey(key)?.epoch ?? 0;
    if (!standsFor(epoch, stateOf(base).log)) break;
    if (epoch > (base.manifest?.epoch ?? 0)) continue;
    const bytes = await store.readItem(job, key);
    const record = bytes === null ? null : unpackRecord<FoldRecord>(bytes, `${key} of job "${job}"`);
    if (adopted(base, record, head) !== base) return record;
  }
  return null;
}

/** The head's manifest and those it builds on, newest first, as far as they are retained. */
export async function readManifestChain(
  store: StateStore,
  head: Head,
  limit: number,
): Promise<readonly { readonly key: string; readonly manifest: Manifest }[]> {
  const chain: { key: string; manifest: Manifest }[] = [];
  for (let key = head.manifest; key !== null && chain.length < limit;) {
    const bytes = await store.readItem(head.job, key);
    if (bytes === null) break;
    const manifest = unpackRecord<Manifest>(bytes, `${key} of job "${head.job}"`);
    chain.push({ key, manifest });
    key = manifest.base;
  }
  return chain;
}
