/**
 * BlobStore on one machine's disk: <root>/blobs/<word>/<rest>, files on their way in <root>/tmp (durable-files.ts).
 *
 * 1. An object appears whole and fsynced, or not at all; it never changes.
 * 2. A whole read is checked against the object's checksum. A range read checks magic, kind, format and that the file has
 *    the length its header says (so a truncated object is refused); the bytes of the range itself are not checked. Objects
 *    that are read in ranges carry checksums of their own blocks.
 */
import { join } from 'node:path';
import { invariant } from '../model/errors.ts';
import type { BlobInfo, BlobStore } from '../ports/blob-store.ts';
import { KeyedFiles } from './keyed-files.ts';

export class DiskBlobStore implements BlobStore {
  readonly root: string;
  readonly #files: KeyedFiles;

  constructor(root: string) {
    this.root = root;
    this.#files = new KeyedFiles(join(root, 'blobs'), join(root, 'tmp'), 'blob');
  }

  async create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    return this.#files.create(name, chunks);
  }

  async read(name: string, from?: number, to?: number): Promise<Uint8Array | null> {
    if (from === undefined && to === undefined) return this.#files.read(name);
    const start = from ?? 0;
    invariant(
      start >= 0 && (to === undefined || to >= start),
      `a range [from, to) has 0 <= from <= to: ${name} ${from} ${to}`,
    );
    return this.#files.readRange(name, start, to ?? Number.POSITIVE_INFINITY);
  }

  async list(prefix: string): Promise<readonly BlobInfo[]> {
    const infos: BlobInfo[] = [];
    for (const name of this.#files.list(prefix)) {
      const size = this.#files.size(name);
      if (size !== null) infos.push({ name, size });
    }
    return infos;
  }

  async delete(name: string): Promise<void> {
    this.#files.delete(name);
  }
}
