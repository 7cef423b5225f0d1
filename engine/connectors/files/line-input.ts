/**
 * Bytes of a file from a position on, in the decompressed stream. `read` answers 0 at the end; a later read may find more, if the file
 * grew (not for gz).
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CorruptionError, messageOf, RetryableError } from '../../model/errors.ts';

export interface ByteInput {
  /** Reads at most `length` bytes into `target` at `offset`. */
  read(target: Buffer, offset: number, length: number): number | Promise<number>;
  close(): void;
}

/** A plain file. It is open only while it is being read, so that thousands of splits do not hold a descriptor each. */
export class FileInput implements ByteInput {
  readonly #path: string;
  #position: number;
  #fd: number | null = null;

  constructor(path: string, position: number) {
    this.#path = path;
    this.#position = position;
  }

  read(target: Buffer, offset: number, length: number): number {
    try {
      this.#fd ??= this.#open();
      const n = readSync(this.#fd, target, offset, length, this.#position);
      this.#position += n;
      if (n === 0) this.close();
      return n;
    } catch (e) {
      this.close();
      if (e instanceof RetryableError) throw e;
      throw new RetryableError(
        `Cannot read ${this.#path} from byte ${this.#position}: ${messageOf(e)}. A file must stay, unchanged, until the job has read it.`,
        { path: this.#path, position: this.#position },
        e,
      );
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #open(): number {
    const fd = openSync(this.#path, 'r');
    const { size } = fstatSync(fd);
    if (size >= this.#position) return fd;
    closeSync(fd);
    throw new RetryableError(
      `${this.#path} has ${size} bytes, but the job has read ${this.#position} of it: it was cut or replaced. Put the old file back, or give the new one a new name.`,
      { path: this.#path, position: this.#position },
    );
  }
}

/** A gz file (members may follow each other). Bytes before `position` are decompressed and dropped. */
export class GzipInput implements ByteInput {
  readonly #path: string;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #stream: Readable;
  #skip: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string, position: number) {
    this.#path = path;
    this.#skip = position;
    const file = createReadStream(path);
    const gunzip = createGunzip();
    file.on('error', (e) => gunzip.destroy(e));
    gunzip.on('close', () => file.destroy());
    gunzip.on('error', () => undefined); // the iterator reports it
    this.#stream = file.pipe(gunzip);
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  read(target: Buffer, offset: number, length: number): number | Promise<number> {
    if (this.#rest.length === 0) return this.#next().then((more) => (more ? this.read(target, offset, length) : 0));
    const n = Math.min(length, this.#rest.length);
    this.#rest.copy(target, offset, 0, n);
    this.#rest = this.#rest.subarray(n);
    return n;
  }

  close(): void {
    this.#stream.destroy();
  }

  async #next(): Promise<boolean> {
    for (;;) {
      let result;
      try {
        result = await this.#chunks.next();
      } catch (e) {
        if ((e as NodeJS.ErrnoException).syscall !== undefined)
          throw new RetryableError(`Cannot read ${this.#path}: ${messageOf(e)}.`, { path: this.#path }, e);
        throw new CorruptionError(
          `${this.#path} is not a complete gz file: ${messageOf(e)}. Move files into the directory when they are complete, or remove this one.`,
          { path: this.#path },
          e,
        );
      }
      if (result.done === true) return false;
      const dropped = Math.min(this.#skip, result.value.length);
      this.#skip -= dropped;
      this.#rest = result.value.subarray(dropped);
      if (this.#rest.length > 0) return true;
    }
  }
}

export function openInput(path: string, position: number): ByteInput {
  return isGzip(path) ? new GzipInput(path, position) : new FileInput(path, position);
}

export function isGzip(path: string): boolean {
  return path.endsWith('.gz');
}
