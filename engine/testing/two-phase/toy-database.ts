/** A database with transactions that outlive their clients (PREPARE TRANSACTION) and plain ones, and a ledger table with a unique key. */
export interface Payment {
  readonly id: string;
}

interface Open {
  readonly rows: Payment[];
  marker: string | null;
}

export class ToyDatabase {
  readonly rows: Payment[] = [];
  readonly markers = new Set<string>();
  readonly prepared = new Map<string, readonly Payment[]>();
  readonly committed = new Set<string>();

  prepare(id: string, rows: readonly Payment[]): void {
    if (this.prepared.has(id) || this.committed.has(id)) throw new Error(`transaction ${id} exists`);
    this.prepared.set(id, rows);
  }

  commitPrepared(id: string): 'committed' | 'already' | 'never' {
    const rows = this.prepared.get(id);
    if (rows === undefined) return this.committed.has(id) ? 'already' : 'never';
    this.prepared.delete(id);
    this.committed.add(id);
    this.rows.push(...rows);
    return 'committed';
  }

  rollbackPrepared(id: string): void {
    this.prepared.delete(id);
  }

  begin(): Open {
    return { rows: [], marker: null };
  }

  /** Throws where the marker is there: the ledger's key is unique. */
  commit({ rows, marker }: Open): void {
    if (marker !== null && this.markers.has(marker)) throw new Error(`duplicate key ${marker}`);
    if (marker !== null) this.markers.add(marker);
    this.rows.push(...rows);
  }
}
