/**
 * Folds a stage's log into its records in the table: key by key, what is there, what the log says, written back with the fold's epoch.
 *
 * It may run twice at once, and die anywhere: a record goes from the state of one epoch to that of a later one, never back (a write names
 * the record that it replaces), and what belongs in a record of an epoch is a matter of the epoch alone. Readers leave out what a record
 * already has. Records become the base by the fold's own record, when all are written; until then they are only ahead of it.
 * Namespaces: epochs never repeat within a job, and a restore goes on from the last one, so a new run goes on in the old one's namespace: what
 * a straggler of the old run still writes is of an epoch that the new run's state builds on.
 */
import type { BaseRef, SegmentRef, TableRef } from '../../checkpoint/records.ts';
import { ConfigError } from '../../model/errors.ts';
import type {
  KeyAddress,
  KeyRecord,
  KeyTimeDomain,
  RecordWrite,
  StateTable,
  TablePlace,
} from '../../ports/state-table.ts';
import { dueOfEntry, packKeyRecord, unpackKeyRecord, type KeyEntries } from '../../state/key-record.ts';
import { objectName, type ObjectIo } from '../object-io.ts';
import { rangesOf, restoredTime, storedTime } from './due-in-table.ts';
import { KeyChanges } from './key-changes.ts';

export interface StageFold {
  readonly table: StateTable;
  readonly place: TablePlace;
  readonly io: ObjectIo;
  readonly base: BaseRef | null;
  readonly log: readonly SegmentRef[];
  /** Everything up to it is folded. */
  readonly epoch: number;
  readonly maxParallelism: number;
  breathe(): Promise<void>;
}

/** One key's state as a record. DynamoDB's items hold 400 KB: it is read and written in pieces. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** Keys in memory at a time. */
const KEYS_AT_ONCE = 1000;
/** Key groups whose log is in memory at a time. */
const GROUPS_AT_ONCE = 8;

/** False: parts of the state do not say when keys are due; the stage's own next epoch does. */
export function isFoldable(uid: string, base: BaseRef | null, log: readonly SegmentRef[]): boolean {
  const snapshots = (base?.snapshots ?? []).map((part) => ({ ...part, dues: false }));
  const own = [...snapshots, ...log].filter((part) => part.stage === uid);
  return own.length === 0 || own.at(-1)!.dues === true;
}

/** Answers with when the stage's records are first due. */
export async function foldStage(fold: StageFold): Promise<TableRef['due'][string]> {
  const { place, base, maxParallelism } = fold;
  const ranges = rangesOf(maxParallelism);
  const before = base?.table?.due[place.operator] ?? [];
  const objects = new Map<string, Uint8Array>();
  const touched = new Map<number, Touched>();
  for (let from = 0; from < maxParallelism; from += GROUPS_AT_ONCE) {
    const to = Math.min(maxParallelism, from + GROUPS_AT_ONCE);
    await foldGroups(fold, [from, to], objects, (group) => {
      const range = ranges.findIndex(([, end]) => group < end);
      let of = touched.get(range);
      if (of === undefined) touched.set(range, (of = { 'event-time': false, 'processing-time': false }));
      return of;
    });
  }
  const due: (readonly [number | null, number | null])[] = [];
  for (const [i, range] of ranges.entries()) {
    const was = before[i] ?? [null, null];
    const of = touched.get(i);
    if (of === undefined) due.push(was);
    else
      due.push([
        await firstOf(fold, range, 'event-time', of['event-time'] || was[0] !== null),
        await firstOf(fold, range, 'processing-time', of['processing-time'] || was[1] !== null),
      ]);
  }
  return due.every(([eventTime, processingTime]) => eventTime === null && processingTime === null) ? [] : due;
}

/** Whether a written record of a range of groups is due at some time. */
type Touched = Record<KeyTimeDomain, boolean>;

async function foldGroups(
  fold: StageFold,
  groups: readonly [number, number],
  objects: Map<string, Uint8Array>,
  touch: (keyGroup: number) => Touched,
): Promise<void> {
  const { place, io, base, log, maxParallelism } = fold;
  const changes = new KeyChanges(groups, maxParallelism);
  const snapshots = (base?.snapshots ?? []).map((part) => ({ ...part, epoch: base!.epoch }));
  for (const { stage, object, keyGroups, epoch } of [...snapshots, ...log]) {
    if (stage !== place.operator || keyGroups[1] <= groups[0] || keyGroups[0] >= groups[1]) continue;
    const name = objectName(object);
    let bytes = objects.get(name);
    if (bytes === undefined) objects.set(name, (bytes = await io.read(object)));
    changes.add(bytes, epoch, name);
    changes.settle();
    await fold.breathe();
  }
  const all = [...changes.addresses()];
  for (let at = 0; at < all.length; at += KEYS_AT_ONCE) {
    let some: readonly ChangedKey[] = all.slice(at, at + KEYS_AT_ONCE);
    // Somebody else folds the same: what is left is what he has not written.
    while (some.length > 0) some = await foldKeys(fold, changes, some, touch);
    await fold.breathe();
  }
}

interface ChangedKey extends KeyAddress {
  readonly text: string;
}

/** Answers with the keys that have changed meanwhile. */
async function foldKeys(
  { table, place, epoch }: StageFold,
  changes: KeyChanges,
  keys: readonly ChangedKey[],
  touch: (keyGroup: number) => Touched,
): Promise<readonly ChangedKey[]> {
  const records = await table.read(place, keys);
  const writes: (RecordWrite & { readonly text: string })[] = [];
  for (const [i, changed] of keys.entries()) {
    const was = records[i] ?? null;
    if (was !== null && was.epoch >= epoch) note(touch(changed.keyGroup), was);
    else writes.push({ ...changed, was, record: merged(place, changes, changed, was, epoch) });
  }
  if (writes.length === 0) return [];
  for (const { keyGroup, record } of writes) note(touch(keyGroup), record);
  const outcomes = await table.write(place, writes);
  return writes.filter((_, i) => outcomes[i] === 'changed');
}

function note(touched: Touched, { eventTime, processingTime }: KeyRecord): void {
  if (eventTime !== Infinity) touched['event-time'] = true;
  if (processingTime !== Infinity) touched['processing-time'] = true;
}

function merged(
  { operator }: TablePlace,
  changes: KeyChanges,
  { text }: ChangedKey,
  was: KeyRecord | null,
  epoch: number,
): KeyRecord {
  const old = was?.bytes ?? null;
  const read = old === null ? null : unpackKeyRecord(old, `a key of operator "${operator}"`);
  const entries: KeyEntries = read?.entries ?? new Map();
  changes.applyTo(text, entries, was?.epoch ?? -1);
  const times = dueOfEntry(entries);
  if (entries.size === 0) return { epoch, bytes: null, ...times };
  const key = read === null ? changes.keyOf(text) : read.key;
  const bytes = packKeyRecord(key, entries);
  if (bytes.length > MAX_RECORD_BYTES)
    throw new ConfigError(
      `operator "${operator}": the state of key ${JSON.stringify(key)} has ${bytes.length} bytes; with the state backend "table" a key has ${MAX_RECORD_BYTES} at most. Spread the key (add a part to it), keep less, or use the backend "hashmap". What is committed stays as it is.`,
      { operator },
    );
  return { epoch, bytes, ...times };
}

/** First time of the groups in the domain, null: none. */
async function firstOf(
  { table, place }: StageFold,
  [from, to]: readonly [number, number],
  domain: KeyTimeDomain,
  mayBe: boolean,
): Promise<number | null> {
  if (!mayBe) return null;
  const groups = Array.from({ length: to - from }, (_, i) => from + i);
  const firsts = await Promise.all(
    groups.map(async (group) => {
      const { keys, next } = await table.due(place, group, domain, -Infinity, -Infinity);
      return keys.length > 0 ? -Infinity : next;
    }),
  );
  return storedTime(Math.min(...firsts, restoredTime(null)));
}
