/**
 * What window functions keep: state per key and window (entries 'window/…'), which goes with the window, and state per key
 * (entries 'global/…').
 */
import type { OwnerScope } from '../state/cell.ts';
import { namespacedSub, NamespacedWriter, type NamespaceIndex } from '../state/namespace-index.ts';
import { NamespacedStates } from '../state/namespaced-states.ts';
import type { StateAccess } from '../state/state-access.ts';
import type { StateWriter } from '../state/state-entries.ts';
import type { Window } from '../windows/time-window.ts';

export class WindowStates {
  readonly index: NamespaceIndex<Window>;
  private readonly windowScope: OwnerScope;
  private readonly globalScope: OwnerScope;
  private readonly ofWindows: NamespacedStates;
  private readonly ofKeys: NamespacedStates;

  constructor(index: NamespaceIndex<Window>, operator: string) {
    this.index = index;
    this.windowScope = { id: -1, clockMs: 0, keys: index, operator };
    this.globalScope = { id: -1, clockMs: 0, keys: index.keyIndex, operator };
    this.ofWindows = new NamespacedStates('window/', this.windowScope);
    this.ofKeys = new NamespacedStates('global/', this.globalScope);
  }

  beginEpoch(clockMs: number): void {
    this.windowScope.clockMs = clockMs;
    this.globalScope.clockMs = clockMs;
  }

  /** States of this window until the next call. */
  windowState(keyId: number, window: Window): StateAccess {
    this.windowScope.id = this.index.idOf(keyId, window);
    return this.ofWindows;
  }

  globalState(keyId: number): StateAccess {
    this.globalScope.id = keyId;
    return this.ofKeys;
  }

  /** The window is over. */
  drop(keyId: number, window: Window): void {
    const id = this.index.find(keyId, window);
    if (id < 0) return;
    this.ofWindows.drop(id);
    this.index.suspect(id);
  }

  /** The same window of several keys is over. */
  dropAll(keyIds: readonly number[], window: Window): void {
    for (const keyId of keyIds) this.drop(keyId, window);
  }

  /** True once a function has asked for a window's state. */
  get isUsed(): boolean {
    return this.ofWindows.isUsed;
  }

  /** Where nothing else is kept by (key, window): gives back ids without state. */
  sweep(): void {
    this.index.sweep((id) => (this.isLive(id) ? 'live' : 'dead'));
  }

  /** Forgets what is in memory of these keys and of their windows, `ids`, right after a snapshot. */
  evict(keyIds: ReadonlySet<number>, ids: ReadonlySet<number>): void {
    for (const id of ids) this.ofWindows.evict(id);
    for (const keyId of keyIds) this.ofKeys.evict(keyId);
  }

  /** The same, where nothing else is kept by (key, window). */
  evictKeys(keyIds: ReadonlySet<number>): void {
    const ids = this.index.idsOfAll(keyIds);
    this.evict(keyIds, ids);
    this.index.releaseAll(ids);
  }

  isLive(id: number): boolean {
    return this.ofWindows.isLive(id);
  }

  /** True while the key has state, of itself or of a window. */
  isKeyLive(keyId: number): boolean {
    return this.index.hasAny(keyId) || this.ofKeys.isLive(keyId);
  }

  snapshot(writer: StateWriter): void {
    this.ofWindows.snapshot(new NamespacedWriter(this.index, writer));
    this.ofKeys.snapshot(writer);
  }

  dump(writer: StateWriter): void {
    this.ofWindows.dump(new NamespacedWriter(this.index, writer));
    this.ofKeys.dump(writer);
  }

  owns(name: string): boolean {
    return this.ofWindows.owns(name) || this.ofKeys.owns(name);
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    if (this.ofKeys.owns(name)) return this.ofKeys.restore(this.index.keyIndex.idOf(key), name, sub, value);
    const [stored, inner] = namespacedSub(sub);
    this.ofWindows.restore(this.index.restoredIdOf(key, stored), name, inner, value);
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    if (this.ofKeys.owns(name)) return this.ofKeys.restoreRemoved(this.index.keyIndex.idOf(key), name, sub);
    const [stored, inner] = namespacedSub(sub);
    const id = this.index.restoredIdOf(key, stored);
    this.ofWindows.restoreRemoved(id, name, inner);
    this.index.suspect(id);
  }
}
