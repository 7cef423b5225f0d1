/**
 * The keyed state of a stage of which not all is in memory (backend `table`, ARCHITECTURE section 5).
 *
 * Committed state of a key = its record in the table, with what the log says since (KeyChanges). Rows of an epoch wait; then everything they
 * touch, and everything that is due by the epoch's end, is loaded at once, and the operator works as if all state were in memory:
 * 1. A key that may change is in memory: it has rows, or a timer or window that is due (`dueOf`), or else nothing of it happens.
 * 2. What an operator says of when a key is due is written with the epoch (entry DUE) if it differs from what is stored, so whoever comes
 *    next finds the key by the log or by the table.
 * 3. A key leaves memory when the log has all of it: after a commit, or, where more is needed than fits in, after its key group's part of the
 *    epoch has been written (`leave`).
 * A failed attempt throws all of it away; the next one begins with the plan's state.
 */
import { getHeapStatistics } from 'node:v8';
import type { BaseRef, Plan } from '../../checkpoint/records.ts';
import type { KeyedOperator } from '../../operators/keyed-operator.ts';
import type { KeyAddress, KeyRecord, KeyTimeDomain, KeyTimes, TablePlace } from '../../ports/state-table.ts';
import { keyHash, keyText } from '../../state/key-bytes.ts';
import type { KeyIndex } from '../../state/key-index.ts';
import {
  DUE,
  dueOfEntry,
  IMPORTED,
  isReserved,
  unpackKeyRecord,
  type KeyEntries,
  type StoredDue,
} from '../../state/key-record.ts';
import type { StateReader, StateWriter } from '../../state/state-entries.ts';
import { DueInTable } from './due-in-table.ts';
import { KeyChanges } from './key-changes.ts';
import { ResidentKeys } from './resident-keys.ts';
import { TABLE_LIMITS, type TableBackend, type TableLimits } from './table-backend.ts';

export interface PagedStage {
  readonly job: string;
  readonly uid: string;
  readonly keys: KeyIndex;
  /** Of the stage, here. */
  readonly keyGroups: readonly [from: number, to: number];
  readonly reader: StateReader;
  operatorOf(id: number): KeyedOperator;
  /** Its operators, with the ids that are theirs. */
  byOperator(ids: readonly number[]): Iterable<readonly [KeyedOperator, number[]]>;
}

/** Records read at once: bounds what is in memory twice. */
const READ_AT_ONCE = 10_000;
const DUE_QUERIES_AT_ONCE = 16;

export class PagedKeys {
  private readonly stage: PagedStage;
  private readonly backend: TableBackend;
  private readonly limits: TableLimits;
  private readonly resident: ResidentKeys;
  private readonly inTable: DueInTable;
  private changes: KeyChanges;
  private base: BaseRef | null = null;
  /** Written by the epoch in work. */
  private staged: Uint8Array[] = [];
  /** Its number, known when it is staged. */
  private epoch = Infinity;
  /** State of another backend was read whole: the next epoch says of every key when it is due. */
  private imports = false;
  /** Keys that are needed and not in memory, by group and canonical form. */
  private readonly away = new Map<number, Map<string, Wanted>>();
  /** First times of the keys that are not in memory, as the log has them; null: to be looked up. */
  private nextInLog: KeyTimes | null = null;

  constructor(stage: PagedStage, backend: TableBackend) {
    this.stage = stage;
    this.backend = backend;
    this.limits = { ...TABLE_LIMITS, ...backend.limits };
    this.resident = new ResidentKeys(stage.keys, stage.keyGroups);
    this.inTable = new DueInTable(stage.keyGroups);
    this.changes = new KeyChanges(stage.keyGroups, stage.keys.maxParallelism);
  }

  // State: what there is, and what has come to pass.

  /** Before any entry: what the state is based on. */
  begin(base: BaseRef | null): void {
    this.base = base;
    this.inTable.begin(base?.table?.due[this.stage.uid] ?? [], this.stage.keys.maxParallelism);
  }

  /** A segment of the log, in order. Read now: a refusal belongs to the restore. */
  restoreSegment(bytes: Uint8Array, epoch: number, what: string): void {
    this.changes.add(bytes, epoch, what);
    this.changes.settle();
  }

  /** Everything was handed to the operators, too, because not all of it says when it is due. */
  adoptAll(): void {
    this.stage.keys.keys.forEach((key, id) => {
      if (key !== undefined) this.resident.place(id, keyText(key), 0, NEVER);
    });
    this.imports = true;
  }

  /** Memory stands at this state, whose last epoch may be the one that was staged last. False: it cannot follow a fold of it. */
  follow({ base }: Plan['state']): boolean {
    this.committed();
    if (base === null || base.epoch === this.base?.epoch) return true;
    if (base.snapshots.some((part) => part.stage === this.stage.uid)) return false;
    this.rebase(base);
    return true;
  }

  /** The log up to the new base's epoch was folded into it. */
  rebase(base: BaseRef): void {
    this.begin(base);
    this.changes.dropUntil(base.epoch);
    this.nextInLog = null;
  }

  /** The epoch's segments are committed. */
  committed(): void {
    this.takeStaged(this.epoch);
    this.imports = false;
    const { residentKeys, residentBytes } = this.limits;
    this.evict(
      isMemoryShort()
        ? this.resident.surplus(this.resident.size / 2, this.resident.bytes / 2)
        : this.resident.surplus(residentKeys, residentBytes),
    );
  }

  /**
   * Key groups [start, end) have done all of the epoch, or of its processing time, and what they have written is here: some of their keys may go,
   * so that others fit in. If the epoch fails, all of this goes with it.
   */
  leave(start: number, end: number): void {
    this.takeStaged(Infinity);
    const { residentKeys, residentBytes, keysAtOnce } = this.limits;
    const { keyGroups } = this.stage.keys;
    const most = Math.min(residentKeys, keysAtOnce);
    const surplus = this.resident.surplus(most, residentBytes);
    this.evict(surplus.filter((id) => keyGroups[id]! >= start && keyGroups[id]! < end));
  }

  private takeStaged(epoch: number): void {
    for (const bytes of this.staged) this.changes.add(bytes, epoch, `state of ${this.stage.uid}`);
    this.staged = [];
    this.nextInLog = null;
  }

  private evict(ids: readonly number[]): void {
    if (ids.length === 0) return;
    for (const [operator, own] of this.stage.byOperator(ids)) operator.evict!(own);
    for (const id of ids) this.leaveToTable(id);
    this.resident.evict(ids);
    this.stage.keys.release(ids);
  }

  /** What the table says of when the key is due has been looked at, and holds still. */
  private leaveToTable(id: number): void {
    const { keys, keyGroups } = this.stage.keys;
    const times = this.resident.timesOf(id);
    if (times.eventTime === Infinity && times.processingTime === Infinity) return;
    if (this.changes.dueOf(keyText(keys[id])) !== undefined) return;
    this.inTable.lower('event-time', keyGroups[id]!, times.eventTime);
    this.inTable.lower('processing-time', keyGroups[id]!, times.processingTime);
  }

  // An epoch.

  beginEpoch(): void {
    this.resident.beginEpoch();
    if (this.imports) this.resident.touchEvery();
    this.away.clear();
    this.staged = [];
  }

  /** Rows of these keys wait. */
  want(ids: Int32Array, n: number): void {
    this.resident.touchAll(ids, n);
  }

  /** Rows that wait need more keys than those of an epoch should. */
  get isFull(): boolean {
    return this.resident.wanted.length >= this.limits.keysPerEpoch;
  }

  /**
   * Brings to memory what rows of the key groups from `start` on wait for, and what is due by then: group by group, as much as may be there at
   * once. Answers with the first group that has not been brought.
   */
  async load(domain: KeyTimeDomain, until: number, start: number): Promise<number> {
    const [first, end] = this.stage.keyGroups;
    if (start === first) {
      this.takeWanted();
      this.findDueInLog(domain, until);
    }
    const all: (readonly [string, Wanted])[] = [];
    let group = start;
    for (let asked = start; group < end && (group === start || all.length < this.limits.keysAtOnce); group++) {
      if (group === asked) {
        asked = Math.min(end, asked + DUE_QUERIES_AT_ONCE);
        await this.findDueInTable(domain, until, group, asked);
      }
      this.resident.touchDue(domain, group, until);
      all.push(...(this.away.get(group) ?? []));
      this.away.delete(group);
    }
    await this.loadAll(all);
    return group;
  }

  /** Brings to memory what rows wait for. */
  async loadWanted(): Promise<void> {
    this.takeWanted();
    const all = [...this.away.values()].flatMap((keys) => [...keys]);
    this.away.clear();
    await this.loadAll(all);
  }

  private takeWanted(): void {
    const { keys } = this.stage;
    for (const id of this.resident.wanted) this.need(keyText(keys.keys[id]), { keyGroup: keys.keyGroups[id]!, id });
    this.resident.wanted = [];
  }

  private need(text: string, key: Wanted): void {
    let of = this.away.get(key.keyGroup);
    if (of === undefined) this.away.set(key.keyGroup, (of = new Map()));
    if (key.id !== null || !of.has(text)) of.set(text, key);
  }

  private async loadAll(all: readonly (readonly [string, Wanted])[]): Promise<void> {
    for (let at = 0; at < all.length; at += READ_AT_ONCE) await this.loadSome(all.slice(at, at + READ_AT_ONCE));
  }

  private async loadSome(wanted: readonly (readonly [text: string, key: Wanted])[]): Promise<void> {
    const addresses = wanted.map(([text, { keyGroup }]) => ({ keyGroup, key: Buffer.from(text, 'latin1') }));
    const records = await this.read(addresses);
    const loaded = wanted.flatMap(([text, { id }], i) => this.loadKey(text, id, records[i] ?? null));
    for (const [operator, ids] of this.stage.byOperator(loaded)) operator.loaded!(ids);
    if (loaded.length > 0) this.nextInLog = null;
  }

  private async read(keys: readonly KeyAddress[]): Promise<readonly (KeyRecord | null)[]> {
    const place = this.place();
    return place === null ? [] : await this.backend.table.read(place, keys);
  }

  /** The id of the key, in memory; none: nobody has heard of it (a timer that is not its any more). */
  private loadKey(text: string, known: number | null, record: KeyRecord | null): number[] {
    const { uid, keys, reader } = this.stage;
    const bytes = record?.bytes ?? null;
    const read = bytes === null ? null : unpackKeyRecord(bytes, `a key of operator "${uid}"`);
    const entries: KeyEntries = read?.entries ?? new Map();
    this.changes.applyTo(text, entries, record?.epoch ?? -1);
    if (known === null && read === null && !this.changes.has(text)) return [];
    const id = known ?? keys.idOf(read === null ? this.changes.keyOf(text) : read.key);
    const key = keys.keys[id];
    for (const { name, sub, value } of entries.values()) if (!isReserved(name)) reader.restore(key, name, sub, value);
    this.resident.place(id, text, bytes?.length ?? 0, dueOfEntry(entries));
    return [id];
  }

  private findDueInLog(domain: KeyTimeDomain, until: number): void {
    const { eventTime, processingTime } = this.nextOfLog();
    if ((domain === 'event-time' ? eventTime : processingTime) > until) return;
    const { keys } = this.stage;
    for (const [text, due] of this.changes.changedDues()) {
      if (timeOf(due, domain) > until || this.resident.has(text)) continue;
      this.need(text, { keyGroup: keyHash(this.changes.keyOf(text)) % keys.maxParallelism, id: null });
    }
  }

  private async findDueInTable(domain: KeyTimeDomain, until: number, start: number, end: number): Promise<void> {
    const place = this.place();
    if (place === null) return;
    const groups = this.inTable.groupsDue(domain, until, start, end);
    await Promise.all(
      groups.map(async ({ keyGroup, from }) => {
        const { keys, next } = await this.backend.table.due(place, keyGroup, domain, from, until);
        this.inTable.note(domain, keyGroup, next);
        for (const key of keys) {
          const text = Buffer.from(key).toString('latin1');
          // Where the log says when it is due, the table is out of date.
          if (this.resident.has(text) || this.changes.dueOf(text) !== undefined) continue;
          this.need(text, { keyGroup, id: null });
        }
      }),
    );
  }

  private place(): TablePlace | null {
    const { job, uid } = this.stage;
    const table = this.base?.table;
    return table?.operators.includes(uid) === true ? { job, namespace: table.namespace, operator: uid } : null;
  }

  // The end of an epoch.

  /** After the operator's own entries: when the keys of its groups are due now, where that is news. */
  writeDues(writer: StateWriter, [from, to]: readonly [number, number]): void {
    const { keys } = this.stage;
    let { imports } = this;
    for (const id of this.resident.takeTouched(from, to)) {
      const group = keys.keyGroups[id]!;
      if (imports) writer.put(group, keys.keys[id], IMPORTED, null, true);
      imports = false;
      const times = this.stage.operatorOf(id).dueOf!(id);
      const isNews = this.resident.isNews(id, times);
      this.resident.noteTimes(id, times);
      if (!isNews) continue;
      const { eventTime, processingTime } = times;
      const due: StoredDue = [orNull(eventTime), orNull(processingTime)];
      if (eventTime === Infinity && processingTime === Infinity) writer.remove(group, keys.keys[id], DUE, null);
      else writer.put(group, keys.keys[id], DUE, null, due);
    }
  }

  /** What an operator has written of the epoch; `packedBytes` before compression. */
  noteStaged(bytes: Uint8Array, packedBytes: number): void {
    this.staged.push(bytes);
    this.resident.noteSizes(packedBytes);
  }

  /** All of the epoch is written: this is its number. */
  nameEpoch(epoch: number): void {
    this.epoch = epoch;
    this.changes.name(epoch);
  }

  /** First times of what is not in memory. */
  nextAway(): KeyTimes {
    const { eventTime, processingTime } = this.nextOfLog();
    return {
      eventTime: Math.min(eventTime, this.inTable.next('event-time')),
      processingTime: Math.min(processingTime, this.inTable.next('processing-time')),
    };
  }

  private nextOfLog(): KeyTimes {
    if (this.nextInLog !== null) return this.nextInLog;
    let eventTime = Infinity;
    let processingTime = Infinity;
    for (const [text, due] of this.changes.changedDues()) {
      if (this.resident.has(text)) continue;
      eventTime = Math.min(eventTime, due[0] ?? Infinity);
      processingTime = Math.min(processingTime, due[1] ?? Infinity);
    }
    this.nextInLog = { eventTime, processingTime };
    return this.nextInLog;
  }
}

interface Wanted {
  readonly keyGroup: number;
  /** Null: nobody in memory knows the key. */
  readonly id: number | null;
}

/** More than this of the process's heap is in use: whatever the estimates say, keys have to go. */
const FULL_HEAP = 0.7;

function isMemoryShort(): boolean {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used > FULL_HEAP * limit;
}

const NEVER: KeyTimes = { eventTime: Infinity, processingTime: Infinity };
const orNull = (time: number): number | null => (time === Infinity ? null : time);

function timeOf([eventTime, processingTime]: StoredDue, domain: KeyTimeDomain): number {
  return (domain === 'event-time' ? eventTime : processingTime) ?? Infinity;
}
