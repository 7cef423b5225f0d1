/** A job in the simulated world, and the stores as its processes see them. */
import type { JobGraph } from '../../graph/job-graph.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { StateStore } from '../../ports/state-store.ts';
import type { JobSettings } from '../../runtime/job-options.ts';
import type { GraphSpec } from './graph-spec.ts';
import type { Mutant } from './mutant.ts';
import type { SimProcess } from './sim-process.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { SimTasks } from './sim-tasks.ts';
import type { World } from './world.ts';

export interface JobInWorld {
  readonly world: World;
  readonly spec: GraphSpec;
  readonly graph: JobGraph;
  readonly settings: JobSettings;
  /** Coordinators return before their sessions end. */
  readonly suspends: boolean;
  /** Called where the log is to be folded outside. */
  folds(name: string): void;
  /** Fanned-out epochs are staged; null: they run on the process's own workers. */
  readonly tasks: SimTasks | null;
  readonly mutant: Mutant | null;
  /** By the name of a start in them: the leases' owners. */
  readonly processes: Map<string, SimProcess>;
}

/** The stores as the process sees them, a mutant in between. */
export function storesOf(
  process: SimProcess,
  mutant: Mutant | null,
): { readonly store: StateStore; readonly blobs: BlobStore } {
  const store = new SimStateStore(process);
  const blobs = new SimBlobStore(process);
  return { store: mutant?.store?.(store, process) ?? store, blobs: mutant?.blobs?.(blobs, process) ?? blobs };
}
