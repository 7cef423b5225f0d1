/**
 * StateStore on one machine's disk (ARCHITECTURE section 11, "head on disk").
 *
 *   <root>/jobs/<job>/head/head.<version>      the head: the highest version counts
 *   <root>/jobs/<job>/items/<word>/<rest>      immutable items (item-files.ts)
 *   <root>/tmp/                                files on their way (durable-files.ts)
 *
 * 1. `link()` to head.<n+1> succeeds for one of any number of racing processes: one winner per version.
 * 2. Old versions are swept, so the link of a process that slept for long can succeed late. It did not win: the version is
 *    not the highest afterwards. Nor can it tell from a win that others followed at once: UnknownOutcomeError (E3).
 * 3. Sweeps keep the last versions, so the highest never disappears under a reader that listed it, short of KEPT commits
 *    in between; then the reader lists again.
 * 4. A head that is read was durable first: a version seen for the first time is fsynced (its folder) before it is used.
 */
import { join } from 'node:path';
import { RetryableError, UnknownOutcomeError, invariant, messageOf } from '../model/errors.ts';
import { MAX_HEAD_BYTES } from '../model/limits.ts';
import type { StateStore, VersionedHead } from '../ports/state-store.ts';
import { fsyncFolder, linkNew, namesIn, removeFile, writeTemporary } from './durable-files.ts';
import { checkJob } from '../model/item-names.ts';
import { KeyedFiles, readWhole } from './keyed-files.ts';
import { objectHeader, objectPayload } from './stored-object.ts';

/** Versions of the head that a sweep leaves. It runs when there are twice as many: less work per commit. */
const KEPT_VERSIONS = 4;
const MAX_RELISTS = 1000;

export class DiskStateStore implements StateStore {
  readonly root: string;
  readonly #tmp: string;
  readonly #items = new Map<string, KeyedFiles>();
  /** Highest version of each job's head that is known to be durable (invariant 4). */
  readonly #durable = new Map<string, number>();

  constructor(root: string) {
    this.root = root;
    this.#tmp = join(root, 'tmp');
  }

  async readHead(job: string): Promise<VersionedHead | null> {
    const folder = this.#headFolder(job);
    for (let i = 0; i < MAX_RELISTS; i++) {
      const version = highest(versionsIn(folder));
      if (version === 0) return null;
      const file = headFile(folder, version);
      const bytes = readWhole(file);
      if (bytes === null) continue;
      const payload = objectPayload('head', headName(version), file, bytes);
      if (version > (this.#durable.get(job) ?? 0)) {
        fsyncFolder(folder);
        this.#durable.set(job, version);
      }
      return { version, bytes: payload };
    }
    throw new RetryableError(`the head of job "${job}" changes faster than it can be read, in ${folder}.`, { job });
  }

  async casHead(job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'> {
    invariant(bytes.length <= MAX_HEAD_BYTES, `a head has at most ${MAX_HEAD_BYTES} bytes, not ${bytes.length}`);
    const folder = this.#headFolder(job);
    if (highest(versionsIn(folder)) !== expected) return 'lost';
    const version = expected + 1;
    const temporary = writeTemporary(this.#tmp, [objectHeader('head', headName(version), [bytes]), bytes]);
    try {
      if (!linkNew(temporary, headFile(folder, version))) return 'lost';
    } finally {
      removeFile(temporary);
    }
    let versions: number[];
    try {
      fsyncFolder(folder);
      versions = versionsIn(folder);
    } catch (thrown) {
      throw new UnknownOutcomeError(
        `the head of job "${job}" moved to version ${version}, but may not be durable: ${messageOf(thrown)}`,
        { job, version },
        thrown,
      );
    }
    const now = highest(versions);
    if (now !== version)
      throw new UnknownOutcomeError(
        `the head of job "${job}" was set to version ${version} and is at ${now} already: another process changes it. Read the head to see what counts.`,
        { job, version, highest: now },
      );
    this.#durable.set(job, version);
    if (versions.length > 2 * KEPT_VERSIONS)
      for (const old of versions) if (old <= version - KEPT_VERSIONS) removeFile(headFile(folder, old));
    return 'won';
  }

  async createItem(job: string, key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.#itemsOf(job).create(key, [bytes]);
  }

  async readItem(job: string, key: string): Promise<Uint8Array | null> {
    return this.#itemsOf(job).read(key);
  }

  async listItems(job: string, prefix: string): Promise<readonly string[]> {
    return this.#itemsOf(job).list(prefix);
  }

  async deleteItem(job: string, key: string): Promise<void> {
    this.#itemsOf(job).delete(key);
  }

  async listJobs(): Promise<readonly string[]> {
    const jobs = namesIn(join(this.root, 'jobs'));
    return jobs.filter((job) => versionsIn(this.#headFolder(job)).length > 0).sort();
  }

  #headFolder(job: string): string {
    checkJob(job);
    return join(this.root, 'jobs', job, 'head');
  }

  #itemsOf(job: string): KeyedFiles {
    let items = this.#items.get(job);
    if (items === undefined) {
      checkJob(job);
      items = new KeyedFiles(join(this.root, 'jobs', job, 'items'), this.#tmp, 'item');
      this.#items.set(job, items);
    }
    return items;
  }
}

const headName = (version: number): string => `head.${version}`;
const headFile = (folder: string, version: number): string => join(folder, headName(version));

function versionsIn(folder: string): number[] {
  const versions: number[] = [];
  for (const name of namesIn(folder)) {
    const version = /^head\.([1-9][0-9]*)$/.exec(name);
    if (version !== null) versions.push(Number(version[1]));
  }
  return versions;
}

function highest(versions: readonly number[]): number {
  let max = 0;
  for (const version of versions) if (version > max) max = version;
  return max;
}
