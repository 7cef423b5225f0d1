/**
 * A lock between processes of one machine, held for a short synchronous piece of work (an append: a millisecond or so).
 *
 *   <folder>/lock.<n>   n odd: held, the file says by whom; n even: free. The highest n counts.
 *
 * 1. A step from n to n+1 is a `link()`: one process takes it. After a dead holder the step is n+2, again one `link()`.
 * 2. Only who takes the lock sweeps, and only below its own n: the highest never goes away. A link that came late (below
 *    the highest) gained nothing and is withdrawn.
 * 3. A holder that is 'dead' (lease-owner.ts) is replaced at once. An 'unknown' one (another container, an unreadable file)
 *    is replaced when the same n has been held for STUCK_MS: work under the lock is a thousand times shorter.
 * 4. Who has just had the lock lets others go first for YIELD_MS when there are any (`waiting-…` files): a loop of appends
 *    would starve them otherwise (seen: 1.3 s).
 */
import { basename, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { RetryableError, invariant } from '../model/errors.ts';
import { createFile, linkNew, namesIn, removeFile } from './durable-files.ts';
import { readWhole } from './keyed-files.ts';
import { describeOwner, isAlive, leaseOwner } from './lease-owner.ts';

const STUCK_MS = 10_000;
const WAIT_MS = 30_000;
const YIELD_MS = 25;
const MAX_NAP_MS = 8;

type Attempt =
  { readonly taken: true; readonly afterDeath: boolean } | { readonly taken: false; readonly holder: string };

export class ExclusiveLock {
  readonly #folder: string;
  readonly #owner: string;
  readonly #waiting: string;
  readonly #free: string;
  #ready = false;
  #held = 0;
  /** The free version that this holder left last. */
  #left = 0;
  #seen = { version: 0, sinceMs: 0 };

  constructor(folder: string) {
    this.#folder = folder;
    this.#owner = join(folder, `owner-${process.pid}-${randomBytes(6).toString('hex')}`);
    this.#waiting = join(folder, `waiting-${basename(this.#owner)}`);
    this.#free = join(folder, 'free');
  }

  /**
   * Waits for the lock and runs `work` in the same turn, synchronously. `afterDeath`: the holder before died with the lock,
   * its work may be unfinished.
   */
  async run<T>(work: (afterDeath: boolean) => T): Promise<T> {
    const start = performance.now();
    let waiting = false;
    for (let nap = 1; ; nap = Math.min(nap * 2, MAX_NAP_MS)) {
      const elapsed = performance.now() - start;
      const attempt = this.#try(elapsed < YIELD_MS);
      if (attempt.taken) {
        if (waiting) removeFile(this.#waiting);
        try {
          return work(attempt.afterDeath);
        } finally {
          this.#release();
        }
      }
      if (elapsed > WAIT_MS) {
        removeFile(this.#waiting);
        throw new RetryableError(`${this.#folder} was held for ${WAIT_MS / 1000} s by ${attempt.holder}.`, {
          folder: this.#folder,
        });
      }
      if (!waiting) waiting = linkNew(this.#owner, this.#waiting);
      await new Promise((resolve) => setTimeout(resolve, nap * (0.5 + Math.random())));
    }
  }

  #release(): void {
    const next = this.#fileOf(this.#held + 1);
    this.#left = this.#held + 1;
    this.#held = 0;
    linkNew(this.#free, next);
  }

  /** Forgets this holder's file; the lock must be free of it. */
  close(): void {
    if (this.#ready) removeFile(this.#owner);
    this.#ready = false;
  }

  #try(polite: boolean): Attempt {
    invariant(this.#held === 0, 'a lock is not taken twice by one holder');
    this.#prepare();
    const { version: highest, waiting } = this.#highest();
    if (polite && highest === this.#left && waiting.some((name) => this.#isWaiting(name)))
      return { taken: false, holder: 'others in turn' };
    let target = highest + 1;
    let afterDeath = false;
    if (highest % 2 === 1) {
      const holder = this.#livingHolder(highest);
      if (holder !== null) return { taken: false, holder };
      afterDeath = true;
      target = highest + 2;
    }
    if (!linkNew(this.#owner, this.#fileOf(target))) return { taken: false, holder: 'others in turn' };
    const now = this.#highest();
    if (now.version !== target) {
      removeFile(this.#fileOf(target));
      return { taken: false, holder: 'others in turn' };
    }
    for (const version of now.all) if (version < target) removeFile(this.#fileOf(version));
    this.#held = target;
    return { taken: true, afterDeath };
  }

  /** Who holds this version; null if it may be replaced (invariant 3). */
  #livingHolder(version: number): string | null {
    const owner = readWhole(this.#fileOf(version))?.toString('utf8') ?? '';
    const state = isAlive(owner);
    if (state === 'dead') return null;
    if (state === 'unknown') {
      if (this.#seen.version !== version) this.#seen = { version, sinceMs: performance.now() };
      else if (performance.now() - this.#seen.sinceMs > STUCK_MS) return null;
    }
    return describeOwner(owner);
  }

  /** Whether another one that may still live waits; the file of a dead one is removed. */
  #isWaiting(name: string): boolean {
    const file = join(this.#folder, name);
    if (file === this.#waiting) return false;
    const owner = readWhole(file);
    if (owner === null) return false;
    if (isAlive(owner.toString('utf8')) !== 'dead') return true;
    removeFile(file);
    return false;
  }

  #prepare(): void {
    if (this.#ready) return;
    const tmp = join(this.#folder, 'tmp');
    createFile(tmp, this.#owner, [Buffer.from(leaseOwner())]);
    createFile(tmp, this.#free, [Buffer.from('free')]);
    for (const name of namesIn(this.#folder)) {
      const file = join(this.#folder, name);
      if (name.startsWith('owner-') && isAlive(readWhole(file)?.toString('utf8') ?? '') === 'dead') removeFile(file);
    }
    this.#ready = true;
  }

  #highest(): { readonly version: number; readonly all: readonly number[]; readonly waiting: readonly string[] } {
    const all: number[] = [];
    const waiting: string[] = [];
    let version = 0;
    for (const name of namesIn(this.#folder)) {
      if (name.startsWith('waiting-')) waiting.push(name);
      if (!name.startsWith('lock.')) continue;
      const n = Number(name.slice(5));
      all.push(n);
      if (n > version) version = n;
    }
    return { version, all, waiting };
  }

  #fileOf(version: number): string {
    return join(this.#folder, `lock.${version}`);
  }
}
