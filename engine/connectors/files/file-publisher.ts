/** Makes an epoch's files of a slot appear: each whole, under a name that only this (run, epoch, slot, part) has. */
import { join } from 'node:path';
import { InvariantError, messageOf, MillraceError, RetryableError } from '../../model/errors.ts';
import type { Publication, SinkProgress, SinkPublisher } from '../../ports/sink.ts';
import { readBucketFiles, type BucketFile } from './bucket-frames.ts';
import { createImmutable, removeTemporaries } from './immutable-file.ts';
import { PartitionCommit, type PartitionCommitPolicy } from './partition-commit.ts';

export interface FilePlaces {
  readonly directory: string;
  readonly prefix: string;
  readonly suffix: string;
  /** What is staged are frames; else the bytes of the slot's one file. */
  readonly framed: boolean;
  readonly commit: PartitionCommitPolicy | null;
}

export class FilePublisher implements SinkPublisher {
  readonly #places: FilePlaces;
  readonly #commit: PartitionCommit | null;
  /** Directories and slots whose left-over temporary files were removed. */
  readonly #cleaned = new Set<string>();

  constructor(places: FilePlaces) {
    this.#places = places;
    const { directory, commit, prefix, suffix } = places;
    const isOurs = (name: string): boolean => name.startsWith(`${prefix}-`) && name.endsWith(suffix);
    this.#commit = commit === null ? null : new PartitionCommit(directory, isOurs, commit);
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { chunks } = publication;
    const files: BucketFile[] = this.#places.framed
      ? readBucketFiles(chunks)
      : [{ bucket: '', part: null, rows: null, content: chunks }];
    let already = files.length > 0;
    for (const file of files) {
      if (file.content.every((c) => c.length === 0)) already = false;
      else if ((await this.#create(publication, file)) === 'created') already = false;
    }
    if (this.#commit !== null) await this.#count(publication, files, this.#commit);
    return already ? 'already' : 'published';
  }

  async committed(progress: SinkProgress): Promise<void> {
    await this.#retried(this.#places.directory, async () => this.#commit?.committed(progress));
  }

  /** The name of a file holds its run: nothing of another run can be in the way, and nothing needs a stamp. */
  async stamp(): Promise<void> {}

  async close(): Promise<void> {}

  async #count(publication: Publication, files: readonly BucketFile[], commit: PartitionCommit): Promise<void> {
    const rows = new Map<string, number>();
    for (const file of files) rows.set(file.bucket, (rows.get(file.bucket) ?? 0) + (file.rows ?? 0));
    for (const [bucket, n] of rows) {
      const directory = join(this.#places.directory, bucket);
      await this.#retried(directory, () => commit.wrote(bucket, publication, this.#nameOf(publication), n));
    }
  }

  /** Of all files of the slot's epoch, without part and suffix. */
  #nameOf({ run, epoch, slot }: Publication): string {
    return `${this.#places.prefix}-${run}-e${String(epoch).padStart(10, '0')}-s${slot}`;
  }

  async #create(publication: Publication, { bucket, part, content }: BucketFile): Promise<'created' | 'same'> {
    const directory = join(this.#places.directory, bucket);
    const name = `${this.#nameOf(publication)}${part === null ? '' : `-p${part}`}${this.#places.suffix}`;
    const path = join(directory, name);
    const outcome = await this.#retried(path, async () => {
      await this.#clean(directory, publication.slot);
      return await createImmutable(path, content);
    });
    if (outcome === 'different') {
      throw new InvariantError(
        `${path} exists with other content than this epoch's. Does another sink write to the directory with the same prefix? Otherwise this is a bug in Millrace.`,
        { path },
      );
    }
    return outcome;
  }

  async #clean(directory: string, slot: number): Promise<void> {
    const place = `${slot} ${directory}`;
    if (this.#cleaned.has(place)) return;
    const { prefix, suffix } = this.#places;
    const isOurs = (name: string): boolean =>
      name.startsWith(`${prefix}-`) &&
      name.endsWith(suffix) &&
      name
        .slice(0, name.length - suffix.length)
        .replace(/-p\d+$/, '')
        .endsWith(`-s${slot}`);
    await removeTemporaries(directory, isOurs);
    this.#cleaned.add(place);
  }

  async #retried<R>(path: string, act: () => Promise<R>): Promise<R> {
    try {
      return await act();
    } catch (e) {
      if (e instanceof MillraceError) throw e;
      throw new RetryableError(
        `Cannot publish ${path}: ${messageOf(e)}. Publishing is repeated until it succeeds; check space and permissions.`,
        { path },
        e,
      );
    }
  }
}
