/** State backends, by Flink's names where it has one. */
import { ConfigError } from '../model/errors.ts';
import type { StateBackendKind } from '../model/state-backend.ts';

export interface StateBackend {
  readonly kind: StateBackendKind;
}

/** All keyed state in memory; changes and snapshots are written down. */
export class HashMapStateBackend implements StateBackend {
  readonly kind = 'heap';
}

/** Keyed state in a table, a record per key; in memory is what an epoch needs. For state far larger than memory (Flink's RocksDB). */
export class TableStateBackend implements StateBackend {
  readonly kind = 'table';
}

/** What `state.backend.type` may be. */
export type StateBackendName = 'hashmap' | 'heap' | 'table';

export function stateBackendOf(backend: StateBackend | StateBackendName): StateBackendKind {
  const name: unknown = typeof backend === 'object' && backend !== null ? backend.kind : backend;
  if (name === 'heap' || name === 'table') return name;
  if (name === 'hashmap') return 'heap';
  throw new ConfigError(
    `state backend ${JSON.stringify(name)}: there is new HashMapStateBackend() ('hashmap': all state in memory) and new TableStateBackend() ('table': a record per key in a table, for state larger than memory, in place of RocksDB).`,
  );
}
