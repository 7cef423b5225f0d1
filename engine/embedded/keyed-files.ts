/**
 * Create-if-absent objects under keys, as files below one folder: what DiskStateStore's items and DiskBlobStore's objects
 * share. Durability: durable-files.ts; names: item-files.ts; checksums: stored-object.ts.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createFile, diskError, errno, namesIn, readAt, removeFile } from './durable-files.ts';
import { fileOfKey, keyOfFile } from './item-files.ts';
import {
  OBJECT_HEADER_BYTES,
  checkObjectHeader,
  objectHeader,
  objectPayload,
  type ObjectKind,
} from './stored-object.ts';

export class KeyedFiles {
  readonly #root: string;
  readonly #tmp: string;
  readonly #kind: ObjectKind;

  /** `tmp` must be on the same file system as `root`. */
  constructor(root: string, tmp: string, kind: ObjectKind) {
    this.#root = root;
    this.#tmp = tmp;
    this.#kind = kind;
  }

  create(key: string, chunks: readonly Uint8Array[]): 'created' | 'exists' {
    return createFile(this.#tmp, this.#fileOf(key), [objectHeader(this.#kind, key, chunks), ...chunks]);
  }

  read(key: string): Buffer | null {
    const file = this.#fileOf(key);
    const bytes = readWhole(file);
    return bytes === null ? null : objectPayload(this.#kind, key, file, bytes);
  }

  /** Bytes [from, to) of the payload, cut to its size. Checks the header and the length, not the payload's checksum. */
  readRange(key: string, from: number, to: number): Buffer | null {
    const file = this.#fileOf(key);
    let fd: number;
    try {
      fd = fs.openSync(file, 'r');
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT') return null;
      throw diskError(thrown, 'read', file);
    }
    try {
      const size = fs.fstatSync(fd).size;
      checkObjectHeader(this.#kind, file, readAt(fd, 0, OBJECT_HEADER_BYTES), size);
      const end = Math.min(to, size - OBJECT_HEADER_BYTES);
      return readAt(fd, from + OBJECT_HEADER_BYTES, end - from);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Keys that start with `prefix`, ascending by code units. */
  list(prefix: string): string[] {
    const slash = prefix.indexOf('/');
    const keys: string[] = [];
    const collect = (folder: string, names: readonly string[]): void => {
      for (const name of names) {
        const key = keyOfFile(folder, name);
        if (key !== null && key.startsWith(prefix)) keys.push(key);
      }
    };
    if (slash >= 0) {
      const folder = prefix.slice(0, slash);
      collect(folder, namesIn(join(this.#root, folder)));
    } else {
      const names = namesIn(this.#root);
      collect('', names);
      for (const name of names)
        if (!name.startsWith(',') && name.startsWith(prefix)) collect(name, namesIn(join(this.#root, name)));
    }
    return keys.sort();
  }

  /** Size of the payload; null if the object is gone. */
  size(key: string): number | null {
    const stat = fs.statSync(this.#fileOf(key), { throwIfNoEntry: false });
    return stat === undefined ? null : Math.max(0, stat.size - OBJECT_HEADER_BYTES);
  }

  delete(key: string): void {
    removeFile(this.#fileOf(key));
  }

  #fileOf(key: string): string {
    const { folder, name } = fileOfKey(key);
    return join(this.#root, folder, name);
  }
}

/** The file's bytes; null when there is none. */
export function readWhole(file: string): Buffer | null {
  try {
    return fs.readFileSync(file);
  } catch (thrown) {
    if (errno(thrown) === 'ENOENT') return null;
    throw diskError(thrown, 'read', file);
  }
}
