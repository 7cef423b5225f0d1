/** StateStore and BlobStore of the simulated world, as one process sees them. */
import type { BlobInfo, BlobStore } from '../../ports/blob-store.ts';
import type { StateStore, VersionedHead } from '../../ports/state-store.ts';
import type { Caller } from './sim-process.ts';

export class SimStateStore implements StateStore {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  readHead(): Promise<VersionedHead | null> {
    const { world } = this.#caller;
    return this.#caller.read('readHead', () => world.head);
  }

  casHead(_job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'> {
    const { world } = this.#caller;
    return this.#caller.write('casHead', () => world.casHead(this.#caller.name, expected, bytes));
  }

  createItem(_job: string, key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const { items } = this.#caller.world;
    return this.#caller.write(`createItem(${kindOf(key)})`, () => {
      if (items.has(key)) return 'exists';
      items.set(key, bytes);
      return 'created';
    });
  }

  readItem(_job: string, key: string): Promise<Uint8Array | null> {
    const { items } = this.#caller.world;
    return this.#caller.read(`readItem(${kindOf(key)})`, () => items.get(key) ?? null);
  }

  listItems(_job: string, prefix: string): Promise<readonly string[]> {
    const { items } = this.#caller.world;
    return this.#caller.read('listItems', () => [...items.keys()].filter((key) => key.startsWith(prefix)).sort());
  }

  deleteItem(_job: string, key: string): Promise<void> {
    const { world } = this.#caller;
    return this.#caller.write(`deleteItem(${kindOf(key)})`, () => world.deleteItem(key));
  }

  async listJobs(): Promise<readonly string[]> {
    return this.#caller.world.head === null ? [] : [this.#caller.world.job];
  }
}

export class SimBlobStore implements BlobStore {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    const { blobs } = this.#caller.world;
    const bytes = new Uint8Array(Buffer.concat(chunks));
    return this.#caller.write('createBlob', () => {
      if (blobs.has(name)) return 'exists';
      blobs.set(name, bytes);
      return 'created';
    });
  }

  read(name: string, from?: number, to?: number): Promise<Uint8Array | null> {
    const { blobs } = this.#caller.world;
    return this.#caller.read('readBlob', () => blobs.get(name)?.slice(from ?? 0, to) ?? null);
  }

  list(prefix: string): Promise<readonly BlobInfo[]> {
    const { blobs } = this.#caller.world;
    return this.#caller.read('listBlobs', () =>
      [...blobs]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, bytes]) => ({ name, size: bytes.length }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }

  delete(name: string): Promise<void> {
    const { world } = this.#caller;
    return this.#caller.write('deleteBlob', () => world.deleteBlob(name));
  }
}

const kindOf = (key: string): string => key.slice(0, key.indexOf('/'));
