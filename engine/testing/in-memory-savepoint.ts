/** A copy of everything that a job has stored, from which another job in memory can begin a new run. */
import type { BlobStore } from '../ports/blob-store.ts';
import type { StateStore } from '../ports/state-store.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../embedded/memory-state-store.ts';

interface Stores {
  readonly store: StateStore;
  readonly blobs: BlobStore;
}

export class InMemorySavepoint {
  readonly #job: string;
  readonly #stores: Stores;
  /** Processing time when it was taken. */
  readonly wallMs: number;

  private constructor(job: string, stores: Stores, wallMs: number) {
    this.#job = job;
    this.#stores = stores;
    this.wallMs = wallMs;
  }

  /** Of a job that nobody is running an epoch of. */
  static async take(job: string, from: Stores, wallMs: number): Promise<InMemorySavepoint> {
    const stores = { store: new MemoryStateStore(), blobs: new MemoryBlobStore() };
    await copyJob(job, from, stores);
    return new InMemorySavepoint(job, stores, wallMs);
  }

  /** Into empty stores. */
  async copyTo(to: Stores): Promise<void> {
    await copyJob(this.#job, this.#stores, to);
  }
}

async function copyJob(job: string, from: Stores, to: Stores): Promise<void> {
  const head = await from.store.readHead(job);
  if (head === null) return;
  for (const key of await from.store.listItems(job, ''))
    await to.store.createItem(job, key, (await from.store.readItem(job, key))!);
  for (const { name } of await from.blobs.list('')) await to.blobs.create(name, [(await from.blobs.read(name))!]);
  await to.store.casHead(job, 0, head.bytes);
}
