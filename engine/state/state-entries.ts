/**
 * Keyed state as rows: the one form in which operators give changes away and get state back, whatever the backend.
 * An entry is (key group, key, state name, sub key) → value: the sub key is a window's start, a map's key, or null.
 */
export interface StateWriter {
  put(keyGroup: number, key: unknown, name: string, sub: unknown, value: unknown): void;
  remove(keyGroup: number, key: unknown, name: string, sub: unknown): void;
}

/** Receives entries in the order in which they were written; a later one replaces an earlier one with the same address. */
export interface StateReader {
  restore(key: unknown, name: string, sub: unknown, value: unknown): void;
  restoreRemoved(key: unknown, name: string, sub: unknown): void;
}
