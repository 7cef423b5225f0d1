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
import type { StateTtlConfig } from './ttl.ts';

/** The key that user code works on, and the epoch's clock. One object per operator, shared by its cells. */
export interface KeyScope {
  id: number;
  clockMs: number;
  readonly keys: KeyIndex;
  /** For messages: the operator's name. */
  readonly operator: string;
}

/** Deep checks of this many first values per state; after that the top level only. */
const DEEP_CHECKS = 64;

export abstract class Cell<S> {
  readonly name: string;
  readonly ttl: StateTtlConfig | null;
  protected readonly scope: KeyScope;
  protected readonly data: (S | undefined)[] = [];
  private readonly changed: number[] = [];
  private marks = new Uint8Array(1024);
  private checks = 0;
  private sweepFrom = 0;

  constructor(name: string, ttl: StateTtlConfig | null, scope: KeyScope) {
    this.name = name;
    this.ttl = ttl;
    this.scope = scope;
  }

  /** Writes the entries of one changed key: what it holds now, or a removal. */
  protected abstract write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void;
  abstract restore(id: number, sub: unknown, value: unknown): void;
  abstract restoreRemoved(id: number, sub: unknown): void;
  /** Drops expired parts of the key's state; true if anything is left. */
  protected abstract expire(id: number): void;

  isLive(id: number): boolean {
    return this.data[id] !== undefined;
  }

  snapshot(writer: StateWriter): void {
    const { keys } = this.scope;
    if (this.ttl !== null) this.expireSome();
    for (const id of this.changed) {
      this.marks[id] = 0;
      this.write(writer, id, keys.keyGroups[id]!, keys.keys[id]);
    }
    this.changed.length = 0;
  }

  /** Everything there is, right after a snapshot. */
  dump(writer: StateWriter): void {
    const { keys } = this.scope;
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
    else if (isPlainlyStorable(value)) return;
    checkStorable(value, `a value of state "${this.name}" of operator "${this.scope.operator}"`);
  }

  protected expired(writtenAt: number): boolean {
    return this.ttl !== null && writtenAt + this.ttl.ttlMs <= this.scope.clockMs;
  }

  protected get readsRenew(): boolean {
    return this.ttl?.updateType === 'OnReadAndWrite';
  }

  protected get showExpired(): boolean {
    return this.ttl?.visibility === 'ReturnExpiredIfNotCleanedUp';
  }

  private expireSome(): void {
    const n = this.data.length;
    const until = Math.min(n, this.sweepFrom + 1000);
    for (let id = this.sweepFrom; id < until; id++) if (this.data[id] !== undefined) this.expire(id);
    this.sweepFrom = until >= n ? 0 : until;
  }
}
