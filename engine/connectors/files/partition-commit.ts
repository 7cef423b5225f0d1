/**
 * Success markers: a file `_SUCCESS` in each bucket that is complete, so that batch jobs know what they may read (Flink's partition commit).
 *
 * Invariants: 1. A marker is made after the commit of the epoch that made its bucket complete, when all files of that epoch are there. 2. What
 * is to be marked is read from the target (buckets with files of this sink and without a marker), so it survives crashes. 3. A marker
 * names the epoch that made it: files of later epochs in its bucket are late, those of the same epoch, published again, are not. 4. Late
 * rows are written and counted: `_LATE-<name of the files>` beside them holds their number.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../model/errors.ts';
import type { SinkProgress } from '../../ports/sink.ts';
import { createImmutable, removeTemporaries } from './immutable-file.ts';

export interface PartitionCommitOptions {
  /**
   * `partition-time` (default): the watermark has passed the bucket's end. `process-time`: so long after the bucket's first file, by the epochs'
   * clock. At the end of the input all buckets are marked.
   */
  readonly trigger?: 'partition-time' | 'process-time';
  /** Milliseconds to wait longer. Default: 0. */
  readonly delayMs?: number;
  /** Default: `_SUCCESS`. */
  readonly successFile?: string;
}

export interface PartitionCommitPolicy extends Required<PartitionCommitOptions> {
  /** When a bucket ends, in epoch milliseconds; null: with the input. */
  readonly endOf: (bucket: string) => number | null;
}

export function checkedPartitionCommit(options: PartitionCommitOptions): Required<PartitionCommitOptions> {
  const { trigger = 'partition-time', delayMs = 0, successFile = '_SUCCESS' } = options;
  if (trigger !== 'partition-time' && trigger !== 'process-time')
    throw new ConfigError(
      `withPartitionCommit: there is no trigger "${String(trigger)}"; use "partition-time" or "process-time".`,
    );
  if (!(delayMs >= 0)) throw new ConfigError(`withPartitionCommit: delayMs must be 0 or more, got ${delayMs}.`);
  if (!/^[_.][^/\\\0\n]+$/.test(successFile))
    throw new ConfigError(
      `withPartitionCommit: successFile ${JSON.stringify(successFile)} must be a file name that begins with "_" or ".", so that readers of the bucket pass over it.`,
    );
  return { trigger, delayMs, successFile };
}

export class PartitionCommit {
  readonly #directory: string;
  readonly #isOurs: (fileName: string) => boolean;
  readonly #policy: PartitionCommitPolicy;
  /** Buckets without a marker, with the clock since which this process has known them; null: the target was not read yet. */
  #open: Map<string, number | null> | null = null;

  constructor(directory: string, isOurs: (fileName: string) => boolean, policy: PartitionCommitPolicy) {
    this.#directory = directory;
    this.#isOurs = isOurs;
    this.#policy = policy;
  }

  /** Files named `name` with `rows` rows are in the bucket. */
  async wrote(bucket: string, of: { run: string; epoch: number }, name: string, rows: number): Promise<void> {
    const marker = await this.#markerOf(bucket);
    if (marker === null) {
      if (this.#open !== null && !this.#open.has(bucket)) this.#open.set(bucket, null);
      return;
    }
    if (marker.run > of.run || (marker.run === of.run && marker.epoch >= of.epoch)) return;
    await this.#create(bucket, `_LATE-${name}`, `${rows}\n`);
  }

  async committed(progress: SinkProgress): Promise<void> {
    this.#open ??= new Map((await this.#unmarked('')).map((bucket) => [bucket, null]));
    for (const [bucket, since] of [...this.#open]) {
      const knownMs = since ?? progress.clockMs;
      this.#open.set(bucket, knownMs);
      if (!this.#isComplete(bucket, knownMs, progress)) continue;
      const marker = JSON.stringify({ run: progress.run, epoch: progress.epoch });
      await this.#create(bucket, this.#policy.successFile, `${marker}\n`);
      this.#open.delete(bucket);
    }
  }

  #isComplete(bucket: string, sinceMs: number, { watermark, clockMs, ended }: SinkProgress): boolean {
    const { trigger, delayMs, endOf } = this.#policy;
    if (ended) return true;
    if (trigger === 'process-time') return clockMs - sinceMs >= delayMs;
    const end = endOf(bucket);
    // A watermark says that no row at or below it comes any more.
    return end !== null && watermark >= end - 1 + delayMs;
  }

  /** If it is there already, an earlier publication made it. */
  async #create(bucket: string, name: string, text: string): Promise<void> {
    const directory = join(this.#directory, bucket);
    await removeTemporaries(directory, (of) => of === name);
    await createImmutable(join(directory, name), [Buffer.from(text)]);
  }

  /** What made the bucket's marker; null: it has none. A marker of somebody else's is older than anything. */
  async #markerOf(bucket: string): Promise<{ readonly run: string; readonly epoch: number } | null> {
    let text: string;
    try {
      text = await readFile(join(this.#directory, bucket, this.#policy.successFile), 'utf8');
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw e;
    }
    const match = /^\{"run":"([^"]*)","epoch":(\d+)\}\n$/.exec(text);
    return match === null ? { run: '', epoch: 0 } : { run: match[1]!, epoch: Number(match[2]) };
  }

  async #unmarked(bucket: string): Promise<string[]> {
    let entries;
    try {
      entries = await readdir(join(this.#directory, bucket), { withFileTypes: true });
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw e;
    }
    const marked = entries.some(({ name }) => name === this.#policy.successFile);
    const found = !marked && bucket !== '' && entries.some(({ name }) => this.#isOurs(name)) ? [bucket] : [];
    for (const entry of entries) {
      if (entry.isDirectory())
        found.push(...(await this.#unmarked(bucket === '' ? entry.name : `${bucket}/${entry.name}`)));
    }
    return found.sort();
  }
}
