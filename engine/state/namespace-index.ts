/**
 * Pairs of a key and a namespace (a window) as dense ids, so that everything kept per pair is an array access, as it is for keys.
 *
 * An id is given when a pair is first asked for and stays until `sweep` finds that nothing is kept for it. Written entries have the
 * key's group and key, and the namespace's stored form in the sub key: `NamespacedWriter` puts it there.
 */
import { keyText } from './key-bytes.ts';
import type { KeyIndex } from './key-index.ts';
import type { StateWriter } from './state-entries.ts';
import type { TimerOwners } from './timer-service.ts';

/** How namespaces are stored, told apart and put in order. */
export interface NamespaceForm<N> {
  serialize(namespace: N): unknown;
  deserialize(stored: unknown): N;
  /** 0: the same namespace. */
  compare(a: N, b: N): number;
}

const NONE: readonly number[] = [];

export class NamespaceIndex<N> implements TimerOwners {
  /** Each id itself, for NamespacedWriter; −1 where the id is free. */
  readonly keys: number[] = [];
  keyGroups = new Int32Array(256);
  readonly keyIds: number[] = [];
  readonly namespaces: N[] = [];
  readonly keyIndex: KeyIndex;
  private readonly form: NamespaceForm<N>;
  private readonly byKey: (number[] | undefined)[] = [];
  private readonly free: number[] = [];
  /** Ids for which something may have been given up since the last sweep. */
  private readonly suspects = new Set<number>();
  /** Ids that are not found any more and not given back yet; and how many each key has. */
  private readonly hidden = new Set<number>();
  private readonly hiddenOf: number[] = [];

  constructor(keyIndex: KeyIndex, form: NamespaceForm<N>) {
    this.keyIndex = keyIndex;
    this.form = form;
  }

  /** Id of the pair, −1 if it has none. */
  find(keyId: number, namespace: N): number {
    const ids = this.byKey[keyId];
    if (ids === undefined) return -1;
    // The newest is the likeliest.
    for (let i = ids.length - 1; i >= 0; i--) {
      if (this.form.compare(this.namespaces[ids[i]!]!, namespace) === 0) return ids[i]!;
    }
    return -1;
  }

  same(a: N, b: N): boolean {
    return this.form.compare(a, b) === 0;
  }

  idOf(keyId: number, namespace: N): number {
    const found = this.find(keyId, namespace);
    if (found >= 0) return found;
    const id = this.free.pop() ?? this.keys.length;
    if (id >= this.keyGroups.length) {
      const larger = new Int32Array(this.keyGroups.length * 2);
      larger.set(this.keyGroups);
      this.keyGroups = larger;
    }
    this.keys[id] = id;
    this.keyIds[id] = keyId;
    this.namespaces[id] = namespace;
    this.keyGroups[id] = this.keyIndex.keyGroups[keyId]!;
    (this.byKey[keyId] ??= []).push(id);
    return id;
  }

  /** Ids of the pairs of a key; those hidden are left out. */
  idsOf(keyId: number): readonly number[] {
    return this.byKey[keyId] ?? NONE;
  }

  /** All ids of pairs of these keys. */
  idsOfAll(keyIds: ReadonlySet<number>): Set<number> {
    const ids = new Set<number>();
    for (const keyId of keyIds) for (const id of this.idsOf(keyId)) ids.add(id);
    for (const id of this.hidden) if (keyIds.has(this.keyIds[id]!)) ids.add(id);
    return ids;
  }

  /** Gives these ids back: nothing is kept for them any more. */
  releaseAll(ids: ReadonlySet<number>): void {
    for (const id of ids) {
      this.suspects.delete(id);
      this.release(id);
    }
  }

  restoredIdOf(key: unknown, stored: unknown): number {
    return this.idOf(this.keyIndex.idOf(key), this.form.deserialize(stored));
  }

  storedForm(id: number): unknown {
    return this.form.serialize(this.namespaces[id]!);
  }

  hasAny(keyId: number): boolean {
    return this.byKey[keyId] !== undefined || (this.hiddenOf[keyId] ?? 0) > 0;
  }

  /** By key as timers of keys are, then by namespace. */
  compare(a: number, b: number): number {
    const [x, y] = [this.keyIds[a]!, this.keyIds[b]!];
    return x === y ? this.form.compare(this.namespaces[a]!, this.namespaces[b]!) : this.keyIndex.compare(x, y);
  }

  /** Something of the pair may be gone: the next sweep looks at it. */
  suspect(id: number): void {
    this.suspects.add(id);
  }

  /**
   * Gives back the suspects that are 'dead'; those 'lingering' are looked at again. Right after a snapshot: changes that are not
   * written yet name ids.
   */
  sweep(stateOf: (id: number) => 'live' | 'lingering' | 'dead'): void {
    for (const id of this.suspects) {
      const state = stateOf(id);
      if (state !== 'lingering') this.suspects.delete(id);
      if (state === 'dead' && this.keys[id] !== -1) this.release(id);
    }
  }

  /**
   * Nothing is kept for the pair any more: it is not found again, so that lookups stay short. The id is given back by a later sweep.
   * If the pair comes back before, it gets another id, whose changes are written after those of this one.
   */
  hide(id: number): void {
    if (this.hidden.has(id)) return;
    const keyId = this.keyIds[id]!;
    this.unlist(keyId, id);
    this.hidden.add(id);
    this.hiddenOf[keyId] = (this.hiddenOf[keyId] ?? 0) + 1;
    this.suspects.add(id);
  }

  private release(id: number): void {
    const keyId = this.keyIds[id]!;
    if (this.hidden.delete(id)) this.hiddenOf[keyId]!--;
    else this.unlist(keyId, id);
    this.keys[id] = -1;
    this.free.push(id);
  }

  private unlist(keyId: number, id: number): void {
    const ids = this.byKey[keyId]!;
    ids.splice(ids.lastIndexOf(id), 1);
    if (ids.length === 0) this.byKey[keyId] = undefined;
  }
}

/** Order of namespaces that are no time windows: by the canonical bytes of their stored form. */
export function compareStored(a: unknown, b: unknown): number {
  const x = keyText(a);
  const y = keyText(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Turns entries of (pair, sub key) into entries of (key, [namespace, sub key]), or [namespace] where there is none. */
export class NamespacedWriter<N> implements StateWriter {
  private readonly index: NamespaceIndex<N>;
  private readonly to: StateWriter;
  constructor(index: NamespaceIndex<N>, to: StateWriter) {
    this.index = index;
    this.to = to;
  }
  put(keyGroup: number, id: unknown, name: string, sub: unknown, value: unknown): void {
    this.to.put(keyGroup, this.keyOf(id), name, this.subOf(id, sub), value);
  }
  remove(keyGroup: number, id: unknown, name: string, sub: unknown): void {
    this.to.remove(keyGroup, this.keyOf(id), name, this.subOf(id, sub));
  }
  private keyOf(id: unknown): unknown {
    return this.index.keyIndex.keys[this.index.keyIds[id as number]!];
  }
  private subOf(id: unknown, sub: unknown): unknown {
    const namespace = this.index.storedForm(id as number);
    // No null: sub keys are told apart by their canonical bytes, which know none.
    return sub === null ? [namespace] : [namespace, sub];
  }
}

/** What `NamespacedWriter` made of a namespace and a sub key. */
export function namespacedSub(stored: unknown): readonly [namespace: unknown, sub: unknown] {
  const [namespace, sub = null] = stored as readonly [unknown, unknown?];
  return [namespace, sub];
}
