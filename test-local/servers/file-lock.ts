/**
 * Mutual exclusion between processes of this machine. The lock is SQLite's lock on a file, which the operating system releases when its
 * holder dies, however it dies: a lock file with a pid in it would have to be stolen.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 40;
const SQLITE_BUSY = 5;

/** Runs `work` while nobody else, in this process or another, holds the lock `path`; waits for it as long as it takes. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  using lock = new DatabaseSync(path, { timeout: 0 });
  while (!tryLock(lock)) await sleep(RETRY_MS);
  return await work();
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'errcode' in thrown && thrown.errcode === SQLITE_BUSY) return false;
    throw thrown;
  }
}
