/**
 * Keys of one operator as dense ids: a key is looked up once per record, and everything else is an array access by id.
 * The key group is computed once, when a key is first seen. Ids of keys without state are given back by `sweep`.
 */
import { ConfigError } from '../model/errors.ts';
import type { ColumnSet } from '../model/source-batch.ts';
import { ByteKeys } from './byte-keys.ts';
import { keyHash, keyText } from './key-bytes.ts';

export class KeyIndex {
  /** Key of each id; `undefined` where the id is free. */
  readonly keys: unknown[] = [];
  keyGroups = new Int32Array(1024);
  /** murmur3 of the canonical bytes, as int32. */
  hashes = new Int32Array(1024);
  private readonly ids = new Map<unknown, number>();
  private readonly compositeIds = new Map<string, number>();
  private readonly bytes = new ByteKeys();
  private readonly free: number[] = [];
  private sweepAt = 4096;
  /** Row at which the last `idsOfColumn` threw. */
  failedRow = 0;
  readonly maxParallelism: number;

  constructor(maxParallelism: number) {
    this.maxParallelism = maxParallelism;
  }

  /** Live keys. */
  get size(): number {
    return this.keys.length - this.free.length;
  }

  /** Id of a key, given if it is new. Throws ConfigError for what cannot be a key. */
  idOf(key: unknown): number {
    if (typeof key === 'string' || typeof key === 'number') {
      const id = this.ids.get(key);
      return id === undefined ? this.insert(key, key) : id;
    }
    if (typeof key === 'boolean' || typeof key === 'bigint') {
      const id = this.ids.get(key);
      return id === undefined ? this.insert(key, key) : id;
    }
    const text = keyText(key);
    const id = this.compositeIds.get(text);
    if (id !== undefined) return id;
    return this.insert(structuredClone(key), text, true);
  }

  /** Ids of the string field `field` of the given rows, without making strings of known keys. */
  idsOfColumn(cols: ColumnSet, field: number, rows: Int32Array, from: number, to: number, out: Int32Array): void {
    const { bytes, side } = cols;
    const start = cols.start[field]!;
    const end = cols.end[field]!;
    const hash = cols.hash[field]!;
    const nulls = cols.nulls[field]!;
    const table = this.bytes;
    for (let j = from; j < to; j++) {
      const i = rows[j]!;
      const state = nulls[i]!;
      if (state !== 0) this.failedRow = j;
      if (state === 0) {
        const p = start[i]!;
        const e = end[i]!;
        const h = hash[i]!;
        let id = table.find(bytes, p, e, h);
        if (id < 0) {
          this.failedRow = j;
          id = this.idOf(latin1(bytes, p, e));
          table.add(bytes, p, e, h, id);
        }
        out[j] = id;
      } else {
        out[j] = this.idOf(state === 1 ? null : side[start[i]!]!);
      }
    }
  }

  /** Orders ids by (hash, key), as timers fire. */
  compare(a: number, b: number): number {
    return compareIds(this, a, b);
  }

  /** Gives back the ids of keys for which `isLive` is false, when enough may have gathered (or `always`). */
  sweep(isLive: (id: number) => boolean, always = false): void {
    if (!always && this.size < this.sweepAt) return;
    for (let id = 0; id < this.keys.length; id++) {
      if (this.keys[id] === undefined || isLive(id)) continue;
      this.forget(id);
    }
    this.bytes.clear();
    this.sweepAt = Math.max(4096, this.size * 2);
  }

  /** Gives back the ids of these keys. */
  release(ids: readonly number[]): void {
    for (const id of ids) this.forget(id);
    this.bytes.clear();
  }

  private forget(id: number): void {
    const key = this.keys[id];
    if (typeof key === 'object') this.compositeIds.delete(keyText(key));
    else this.ids.delete(key);
    this.keys[id] = undefined;
    this.free.push(id);
  }

  private insert(key: unknown, lookup: unknown, composite = false): number {
    const hash = keyHash(key);
    // −0 is 0, whichever came first.
    if (key === 0) key = 0;
    if (typeof key === 'string' && !key.isWellFormed()) {
      throw new ConfigError(`a key holds a lone surrogate (${JSON.stringify(key)}); clean the text before keyBy.`);
    }
    const id = this.free.pop() ?? this.keys.length;
    // A substring keeps its whole parent alive (HOTPATH section 9, pitfall 3): keep a copy of its own.
    this.keys[id] = typeof key === 'string' && key.length >= 13 ? copyOf(key) : key;
    if (id >= this.keyGroups.length) this.widen(id);
    this.hashes[id] = hash | 0;
    this.keyGroups[id] = hash % this.maxParallelism;
    if (composite) this.compositeIds.set(lookup as string, id);
    else this.ids.set(this.keys[id], id);
    return id;
  }

  private widen(id: number): void {
    const length = Math.max(id + 1, this.keyGroups.length * 2);
    const groups = new Int32Array(length);
    groups.set(this.keyGroups);
    this.keyGroups = groups;
    const hashes = new Int32Array(length);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }
}

/** Orders ids by (hash, key): the same on every machine and after every restore (E7a). */
export function compareIds(index: KeyIndex, a: number, b: number): number {
  const byHash = index.hashes[a]! - index.hashes[b]!;
  if (byHash !== 0 || a === b) return byHash;
  const x = keyText(index.keys[a]);
  const y = keyText(index.keys[b]);
  return x < y ? -1 : x > y ? 1 : 0;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}

function copyOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
