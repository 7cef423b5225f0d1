/** What the simulated sinks write to: it outlives processes, and it knows what is durable. */
export type SinkKind = 'transactional' | 'files' | 'two-phase';

export interface Marker {
  readonly run: string;
  readonly epoch: number;
}

/** One slot of a transactional target. */
export interface SlotTarget {
  fence: number;
  marker: Marker | null;
}

/** A file's content, under whatever names it has. */
export interface Inode {
  rows: readonly unknown[];
  durable: boolean;
}

/** Rows of one (run, epoch, slot) of a sink, as they are visible. */
export interface Visible {
  readonly sink: string;
  readonly slot: number;
  readonly at: Marker;
  readonly inode: Inode;
}

/** A transaction of a target that commits in two phases: it outlives its client. */
export interface PreparedTransaction {
  state: 'prepared' | 'committed';
  readonly rows: readonly unknown[];
}
