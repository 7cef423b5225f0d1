/**
 * One named state of one keyed operator, held in memory by key id, with the changes of the running epoch.
 *
 * Invariants: `data[id] === undefined` means absent. Every change marks the id, so `snapshot` writes exactly what changed since the
 * last one; an entry that was never written needs no removal. A failed attempt discards the whole cell (E2).
 */
import { ConfigError } from '../model/errors.ts';
import type { KeyIndex } from './key-index.ts';
import type { StateWriter } from './state-entries.ts';
import { checkStorable, isPlainlyStorable } from './storable.ts';
import { goneAfterMs, type StateTtlConfig } from './ttl.ts';
import type { ValueCodec } from './type-serializer.ts';

/** Whom states belong to, by dense id: keys, or keys and windows (NamespaceIndex). */
export interface StateOwners {
  /** What the writer is given as key. */
  readonly keys: readonly unknown[];
  readonly keyGroups: Int32Array;
}

/** The owner that user code works on, and the epoch's clock. One object per operator, shared by its cells. */
export interface OwnerScope {
  id: number;
  clockMs: number;
  readonly keys: StateOwners;
  /** For messages: the operator's name. */
  readonly operator: string;
}

/** The owners are keys. */
export interface KeyScope extends OwnerScope {
  readonly keys: KeyIndex;
}

/** Deep checks of this many first values per state; after that the top level only. */
const DEEP_CHECKS = 64;
/** Keys that are looked at for expired values at the end of an epoch, at least. */
const LEAST_CLEANUP = 1000;

export abstract class Cell<S> {
  readonly name: string;
  readonly ttl: StateTtlConfig | null;
  protected readonly scope: OwnerScope;
  /** Null: values are stored as they are. */
  protected readonly codec: ValueCodec | null;
  protected readonly data: (S | undefined)[] = [];
  private readonly changed: number[] = [];
  private marks = new Uint8Array(1024);
  private checks = 0;
  private sweepFrom = 0;

  constructor(name: string, ttl: StateTtlConfig | null, scope: OwnerScope, codec: ValueCodec | null = null) {
    this.name = name;
    this.ttl = ttl;
    this.scope = scope;
    this.codec = codec;
  }

  /** Writes the entries of one changed key: what it holds now, or a removal. */
  protected abstract write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void;
  abstract restore(id: number, sub: unknown, value: unknown): void;
  abstract restoreRemoved(id: number, sub: unknown): void;
  /** Drops the parts of the key's state that were written so long ago. */
  protected abstract expire(id: number, afterMs: number): void;

  isLive(id: number): boolean {
    return this.data[id] !== undefined;
  }

  /** Forgets what is in memory of an owner, right after a snapshot: it is stored, and may be restored again. */
  evict(id: number): void {
    if (id < this.data.length) this.data[id] = undefined;
  }

  snapshot(writer: StateWriter): void {
    const { keys } = this.scope;
    if (this.ttl !== null) this.expireSome(this.ttl);
    for (const id of this.changed) {
      this.marks[id] = 0;
      this.write(writer, id, keys.keyGroups[id]!, keys.keys[id]);
    }
    this.changed.length = 0;
  }

  /** Everything there is, right after a snapshot. */
  dump(writer: StateWriter): void {
    const { keys } = this.scope;
    const { ttl } = this;
    if (ttl !== null && ttl.cleanupInBackground !== false) this.expireFrom(0, this.data.length, ttl);
    for (let id = 0; id < this.data.length; id++) {
      if (this.isLive(id)) this.writeAll(writer, id, keys.keyGroups[id]!, keys.keys[id]);
    }
  }

  /** Writes all entries of a key that has some. */
  protected writeAll(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    this.write(writer, id, keyGroup, key);
  }

  protected touch(id: number): void {
    if (id >= this.marks.length) {
      const larger = new Uint8Array(Math.max(id + 1, this.marks.length * 2));
      larger.set(this.marks);
      this.marks = larger;
    }
    if (this.marks[id] === 1) return;
    this.marks[id] = 1;
    this.changed.push(id);
  }

  protected current(): number {
    const { id } = this.scope;
    if (id < 0) {
      throw new ConfigError(
        `state "${this.name}" of operator "${this.scope.operator}" was used where there is no current key (in open or close). Use it in processElement or onTimer.`,
      );
    }
    return id;
  }

  /** Refuses what would not come back from a restore as it is now. */
  protected check(value: unknown): void {
    if (this.checks < DEEP_CHECKS) this.checks++;
    else if (this.codec !== null || isPlainlyStorable(value)) return;
    checkStorable(this.toStored(value), `a value of state "${this.name}" of operator "${this.scope.operator}"`);
  }

  protected toStored(value: unknown): unknown {
    return this.codec === null ? value : this.codec.encode(value);
  }

  protected fromStored(stored: unknown): unknown {
    return this.codec === null ? stored : this.codec.decode(stored);
  }

  protected expired(writtenAt: number): boolean {
    return this.ttl !== null && this.isOlder(writtenAt, this.ttl.ttlMs);
  }

  /** A function may still see it, expired or not. */
  protected isVisible(writtenAt: number): boolean {
    return this.ttl === null || !this.isOlder(writtenAt, goneAfterMs(this.ttl));
  }

  protected isOlder(writtenAt: number, ms: number): boolean {
    return writtenAt + ms <= this.scope.clockMs;
  }

  protected get readsRenew(): boolean {
    return this.ttl?.updateType === 'OnReadAndWrite';
  }

  /** Removes, in the background, what nobody can see any more. */
  private expireSome(ttl: StateTtlConfig): void {
    if (ttl.cleanupInBackground === false) return;
    const n = this.data.length;
    const until = Math.min(n, this.sweepFrom + Math.max(LEAST_CLEANUP, this.changed.length * (ttl.cleanupSize ?? 1)));
    this.expireFrom(this.sweepFrom, until, ttl);
    this.sweepFrom = until >= n ? 0 : until;
  }

  private expireFrom(from: number, to: number, ttl: StateTtlConfig): void {
    const afterMs = goneAfterMs(ttl);
    for (let id = from; id < to; id++) if (this.data[id] !== undefined) this.expire(id, afterMs);
  }
}
