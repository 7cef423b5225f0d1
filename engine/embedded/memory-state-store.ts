/** StateStore in memory: for unit tests and the simulator. Bytes are copied in and out: nobody shares a buffer with it. */
import { invariant } from '../model/errors.ts';
import { MAX_HEAD_BYTES } from '../model/limits.ts';
import type { StateStore, VersionedHead } from '../ports/state-store.ts';
import { checkJob, checkKey } from '../model/item-names.ts';

interface JobRecords {
  head: VersionedHead | null;
  readonly items: Map<string, Uint8Array>;
}

export class MemoryStateStore implements StateStore {
  readonly #jobs = new Map<string, JobRecords>();

  async readHead(job: string): Promise<VersionedHead | null> {
    const head = this.#of(job).head;
    return head === null ? null : { version: head.version, bytes: head.bytes.slice() };
  }

  async casHead(job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'> {
    invariant(bytes.length <= MAX_HEAD_BYTES, `a head has at most ${MAX_HEAD_BYTES} bytes, not ${bytes.length}`);
    const records = this.#of(job);
    if ((records.head?.version ?? 0) !== expected) return 'lost';
    records.head = { version: expected + 1, bytes: Uint8Array.from(bytes) };
    return 'won';
  }

  async createItem(job: string, key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    checkKey(key);
    const { items } = this.#of(job);
    if (items.has(key)) return 'exists';
    items.set(key, Uint8Array.from(bytes));
    return 'created';
  }

  async readItem(job: string, key: string): Promise<Uint8Array | null> {
    checkKey(key);
    return this.#of(job).items.get(key)?.slice() ?? null;
  }

  async listItems(job: string, prefix: string): Promise<readonly string[]> {
    return [...this.#of(job).items.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async deleteItem(job: string, key: string): Promise<void> {
    checkKey(key);
    this.#of(job).items.delete(key);
  }

  async listJobs(): Promise<readonly string[]> {
    return [...this.#jobs]
      .filter(([, records]) => records.head !== null)
      .map(([job]) => job)
      .sort();
  }

  #of(job: string): JobRecords {
    checkJob(job);
    let records = this.#jobs.get(job);
    if (records === undefined) this.#jobs.set(job, (records = { head: null, items: new Map() }));
    return records;
  }
}
