/**
 * The windows in flight of every key, where they merge, each with the window under which its contents are kept (Flink: MergingWindowSet).
 *
 * A window that grows keeps its contents where they are: only the mapping changes. Ids are those of the operator's NamespaceIndex.
 * State: entry 'window-set' per key, [window, state window] each in stored form. Windows that a merge brings together do so in the order
 * in which Flink's hash sets hand them out (merge-order.ts), so that lists of merged windows are in Flink's order.
 */
import { InvariantError } from '../model/errors.ts';
import type { KeyIndex } from '../state/key-index.ts';
import type { NamespaceIndex } from '../state/namespace-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import type { Window } from '../windows/time-window.ts';
import type { MergingWindowAssigner } from '../windows/window-assigner.ts';
import { inMergeOrder } from './merge-order.ts';

export const WINDOW_SET = 'window-set';

interface InFlight {
  readonly window: number;
  readonly state: number;
}

/** `merged` have become `result`; the contents of `mergedStates` belong to `state` now. */
export type OnMerge = (
  keyId: number,
  result: number,
  merged: readonly number[],
  state: number,
  mergedStates: readonly number[],
) => void;

export class MergingWindows {
  private readonly assigner: MergingWindowAssigner<unknown, Window>;
  private readonly index: NamespaceIndex<Window>;
  private readonly keys: KeyIndex;
  private readonly sets: (InFlight[] | undefined)[] = [];
  /** How often each id stands in a set. */
  private readonly uses: number[] = [];
  private readonly changed = new Set<number>();
  private readonly written = new Set<number>();

  constructor(assigner: MergingWindowAssigner<unknown, Window>, index: NamespaceIndex<Window>) {
    this.assigner = assigner;
    this.index = index;
    this.keys = index.keyIndex;
  }

  /** Id under which the window's contents are; −1: it is not in flight. */
  stateOf(keyId: number, window: number): number {
    for (const pair of this.sets[keyId] ?? []) if (pair.window === window) return pair.state;
    return -1;
  }

  /** True while the id stands in a set, as window or as state window. */
  holds(id: number): boolean {
    return (this.uses[id] ?? 0) > 0;
  }

  /** Puts a window into the key's set; returns the id of the window that it has become. */
  add(keyId: number, added: Window, onMerge: OnMerge): number {
    const set = (this.sets[keyId] ??= []);
    let result = added;
    let taken = false;
    if (set.length > 0) {
      const windows = set.map((pair) => this.index.namespaces[pair.window]!);
      const merges: [merged: readonly Window[], into: Window][] = [];
      this.assigner.mergeWindows([...windows, added], { merge: (some, into) => merges.push([some, into]) });
      for (const [some, into] of merges) {
        if (some.some((window) => this.index.same(window, added))) {
          result = into;
          taken = true;
        }
        this.merge(keyId, set, some, into, onMerge);
      }
    }
    const id = this.index.idOf(keyId, result);
    if (!taken && this.stateOf(keyId, id) < 0) this.put(keyId, set, { window: id, state: id });
    return id;
  }

  retire(keyId: number, window: number): void {
    const set = this.sets[keyId] ?? [];
    const at = set.findIndex((pair) => pair.window === window);
    if (at < 0) throw new InvariantError('a window that is over was not in flight');
    this.take(keyId, set, at);
  }

  snapshot(writer: StateWriter): void {
    for (const keyId of this.changed) {
      const set = this.sets[keyId];
      if (set !== undefined && set.length > 0) {
        writer.put(this.keys.keyGroups[keyId]!, this.keys.keys[keyId], WINDOW_SET, null, this.stored(set));
        this.written.add(keyId);
        continue;
      }
      this.sets[keyId] = undefined;
      if (this.written.delete(keyId))
        writer.remove(this.keys.keyGroups[keyId]!, this.keys.keys[keyId], WINDOW_SET, null);
    }
    this.changed.clear();
  }

  dump(writer: StateWriter): void {
    for (const [keyId, set] of this.sets.entries()) {
      if (set !== undefined)
        writer.put(this.keys.keyGroups[keyId]!, this.keys.keys[keyId], WINDOW_SET, null, this.stored(set));
    }
  }

  restore(key: unknown, stored: unknown): void {
    const keyId = this.keys.idOf(key);
    this.forget(keyId);
    const set: InFlight[] = [];
    this.sets[keyId] = set;
    for (const [window, state] of stored as [unknown, unknown][]) {
      this.put(keyId, set, {
        window: this.index.restoredIdOf(key, window),
        state: this.index.restoredIdOf(key, state),
      });
    }
    this.changed.delete(keyId);
    this.written.add(keyId);
  }

  restoreRemoved(key: unknown): void {
    this.evict(this.keys.idOf(key));
  }

  /** Forgets what is in memory of the key, right after a snapshot. */
  evict(keyId: number): void {
    if (this.sets[keyId] === undefined) return;
    this.forget(keyId);
    this.sets[keyId] = undefined;
    this.written.delete(keyId);
  }

  isLive(keyId: number): boolean {
    return this.sets[keyId] !== undefined;
  }

  private merge(keyId: number, set: InFlight[], some: readonly Window[], into: Window, onMerge: OnMerge): void {
    const merged: InFlight[] = [];
    for (const window of inMergeOrder(some)) {
      const at = set.findIndex((pair) => this.index.same(this.index.namespaces[pair.window]!, window));
      if (at >= 0) merged.push(this.take(keyId, set, at));
    }
    const [first] = merged;
    if (first === undefined) return;
    const result = this.index.idOf(keyId, into);
    this.put(keyId, set, { window: result, state: first.state });
    // One window that the new one lies within does not change.
    if (merged.length === 1 && first.window === result) return;
    onMerge(
      keyId,
      result,
      merged.map((pair) => pair.window),
      first.state,
      merged.slice(1).map((pair) => pair.state),
    );
  }

  private put(keyId: number, set: InFlight[], pair: InFlight): void {
    set.push(pair);
    this.uses[pair.window] = (this.uses[pair.window] ?? 0) + 1;
    this.uses[pair.state] = (this.uses[pair.state] ?? 0) + 1;
    this.changed.add(keyId);
  }

  private take(keyId: number, set: InFlight[], at: number): InFlight {
    const [pair] = set.splice(at, 1) as [InFlight];
    this.uses[pair.window]!--;
    this.uses[pair.state]!--;
    this.index.suspect(pair.window);
    this.index.suspect(pair.state);
    this.changed.add(keyId);
    return pair;
  }

  private forget(keyId: number): void {
    const set = this.sets[keyId] ?? [];
    while (set.length > 0) this.take(keyId, set, set.length - 1);
    this.changed.delete(keyId);
  }

  private stored(set: readonly InFlight[]): unknown {
    return set.map(({ window, state }) => [this.index.storedForm(window), this.index.storedForm(state)]);
  }
}
