/**
 * What happened to the keys of one operator since the table's records were written: the log's segments by key (ARCHITECTURE section 5, the
 * overlay). A record may be newer than a segment, where a fold is under way or died half-way: `applyTo` leaves out what it has already.
 *
 * Entries of a key keep the order in which one who reads base and log would see them: a value that is put again stays where it was, one that
 * was removed in between goes to the end.
 */
import type { KeyAddress } from '../../ports/state-table.ts';
import { keyHash, keyText } from '../../state/key-bytes.ts';
import { DUE, DUE_ADDRESS, entryAddress, isReserved, type KeyEntries, type StoredDue } from '../../state/key-record.ts';
import { readSegment } from '../../state/segment.ts';

interface Change {
  readonly name: string;
  readonly sub: unknown;
  /** Undefined: removed. */
  value: unknown;
  isRemoved: boolean;
  epoch: number;
  /** Last epoch in which it was removed and put again; 0: never. */
  movedAt: number;
}

interface ChangesOfKey {
  readonly key: unknown;
  readonly changes: Map<string, Change>;
}

/** A segment that is still to be read. */
interface Unread {
  readonly bytes: Uint8Array;
  readonly epoch: number;
  readonly what: string;
}

export class KeyChanges {
  private readonly byKey = new Map<string, ChangesOfKey>();
  /** When keys are due, of those for which it has changed. */
  private readonly dues = new Map<string, StoredDue>();
  private unread: Unread[] = [];
  private isUnnamed = false;
  private readonly from: number;
  private readonly to: number;
  private readonly maxParallelism: number;

  /** Of key groups [from, to). */
  constructor([from, to]: readonly [number, number], maxParallelism: number) {
    this.from = from;
    this.to = to;
    this.maxParallelism = maxParallelism;
  }

  /** A segment of a later epoch than all before it; Infinity: of the epoch in work, until it is named. It is read when it is needed. */
  add(bytes: Uint8Array, epoch: number, what: string): void {
    this.unread.push({ bytes, epoch, what });
    this.isUnnamed ||= epoch === Infinity;
  }

  /** Reads what is still to be read. */
  settle(): void {
    for (const { bytes, epoch, what } of this.unread) {
      const change = (key: unknown, name: string, sub: unknown, value: unknown, isRemoved: boolean): void =>
        this.note(key, epoch, name, sub, value, isRemoved);
      const reader = {
        restore: (key: unknown, name: string, sub: unknown, value: unknown) => change(key, name, sub, value, false),
        restoreRemoved: (key: unknown, name: string, sub: unknown) => change(key, name, sub, undefined, true),
      };
      readSegment(bytes, this.from, this.to, what, reader, this.maxParallelism);
    }
    this.unread = [];
  }

  has(text: string): boolean {
    this.settle();
    return this.byKey.has(text);
  }

  keyOf(text: string): unknown {
    return this.byKey.get(text)!.key;
  }

  /** All keys that have changed. */
  *addresses(): Iterable<KeyAddress & { readonly text: string }> {
    this.settle();
    for (const [text, { key }] of this.byKey)
      yield { text, keyGroup: keyHash(key) % this.maxParallelism, key: Buffer.from(text, 'latin1') };
  }

  /** When the key is due, if that has changed; undefined: it has not. */
  dueOf(text: string): StoredDue | undefined {
    this.settle();
    return this.dues.get(text);
  }

  /** Keys for which it has changed when they are due. */
  changedDues(): Iterable<readonly [text: string, due: StoredDue]> {
    this.settle();
    return this.dues;
  }

  /** Brings a record of the given epoch up to date. The values belong to the caller. */
  applyTo(text: string, entries: KeyEntries, epoch: number): void {
    this.settle();
    for (const [address, change] of this.byKey.get(text)?.changes ?? []) {
      if (change.epoch <= epoch) continue;
      if (change.isRemoved || change.movedAt > epoch) entries.delete(address);
      if (change.isRemoved) continue;
      const { name, sub, value } = change;
      entries.set(address, { name, sub, value: typeof value === 'object' ? structuredClone(value) : value });
    }
  }

  /** The number of the epoch in work. */
  name(epoch: number): void {
    if (!this.isUnnamed) return;
    this.settle();
    for (const { changes } of this.byKey.values()) {
      for (const change of changes.values()) {
        if (change.epoch === Infinity) change.epoch = epoch;
        if (change.movedAt === Infinity) change.movedAt = epoch;
      }
    }
    this.isUnnamed = false;
  }

  /** The records hold everything up to this epoch. */
  dropUntil(epoch: number): void {
    this.settle();
    for (const [text, { changes }] of this.byKey) {
      for (const [address, change] of changes) if (change.epoch <= epoch) changes.delete(address);
      if (!changes.has(DUE_ADDRESS)) this.dues.delete(text);
      if (changes.size === 0) this.byKey.delete(text);
    }
  }

  private note(key: unknown, epoch: number, name: string, sub: unknown, value: unknown, isRemoved: boolean): void {
    if (isReserved(name) && name !== DUE) return;
    const text = keyText(key);
    let of = this.byKey.get(text);
    if (of === undefined) this.byKey.set(text, (of = { key, changes: new Map() }));
    if (name === DUE) this.dues.set(text, isRemoved ? [null, null] : (value as StoredDue));
    const { changes } = of;
    const address = entryAddress(name, sub);
    const known = changes.get(address);
    if (known !== undefined && !known.isRemoved && !isRemoved) {
      known.value = value;
      known.epoch = epoch;
      return;
    }
    // What was removed, before or now, goes to the end.
    if (known !== undefined) changes.delete(address);
    const movedAt = known?.isRemoved === true ? epoch : 0;
    changes.set(address, { name, sub, value, isRemoved, epoch, movedAt });
  }
}
