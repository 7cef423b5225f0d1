/** BlobStore in memory: for unit tests and the simulator. Bytes are copied in and out. */
import { invariant } from '../model/errors.ts';
import type { BlobInfo, BlobStore } from '../ports/blob-store.ts';
import { checkKey } from '../model/item-names.ts';

export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Uint8Array>();

  async create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    checkKey(name);
    if (this.#blobs.has(name)) return 'exists';
    this.#blobs.set(name, new Uint8Array(Buffer.concat(chunks)));
    return 'created';
  }

  async read(name: string, from?: number, to?: number): Promise<Uint8Array | null> {
    checkKey(name);
    const start = from ?? 0;
    invariant(
      start >= 0 && (to === undefined || to >= start),
      `a range [from, to) has 0 <= from <= to: ${name} ${from} ${to}`,
    );
    return this.#blobs.get(name)?.slice(start, to) ?? null;
  }

  async list(prefix: string): Promise<readonly BlobInfo[]> {
    const names = [...this.#blobs.keys()].filter((name) => name.startsWith(prefix)).sort();
    return names.map((name) => ({ name, size: this.#blobs.get(name)!.length }));
  }

  async delete(name: string): Promise<void> {
    checkKey(name);
    this.#blobs.delete(name);
  }
}
