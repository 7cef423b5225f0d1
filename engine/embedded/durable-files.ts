/**
 * Files that are there as a whole or not at all, whatever dies when (REPORT "Disk").
 *
 * 1. A new file is written and fsynced under a temporary name, then `link()`ed to its name: never visible in part, never
 *    replacing what is there.
 * 2. It is durable once its folder is fsynced, so nobody says "created" or "exists" before that.
 * 3. A folder is durable once its parent is fsynced.
 * 4. Temporary files carry their owner's identity (lease-owner.ts): those of a dead one are swept; of an unknown one by age, since
 *    a live one needs them for milliseconds.
 *
 * All calls are synchronous: an epoch does a handful of them, and the thread pool costs more CPU than the calls.
 */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { ConfigError, RetryableError, messageOf } from '../model/errors.ts';
import { isAlive, leaseOwner } from './lease-owner.ts';

const STALE_TEMPORARY_MS = 10 * 60_000;
const CAN_FSYNC_FOLDERS = process.platform !== 'win32';
const swept = new Set<string>();
const OWNER_END = '~';
let session: string | null = null;
let counter = 0;

export function errno(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** What a failing disk becomes for the runtime; errors of ours pass through. */
export function diskError(thrown: unknown, what: string, file: string): Error {
  const code = errno(thrown);
  if (code === undefined || !('syscall' in (thrown as object))) return thrown as Error;
  if (code === 'EACCES' || code === 'EROFS' || (code === 'EPERM' && what !== 'link'))
    return new ConfigError(
      `cannot ${what} ${file}: ${messageOf(thrown)}. Check who may write there.`,
      { file },
      thrown,
    );
  if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EXDEV')
    return new ConfigError(
      `${file} is on a file system without hard links; put the state on a local disk.`,
      { file },
      thrown,
    );
  if (code === 'ENAMETOOLONG')
    return new ConfigError(`the name of ${file} is too long for the file system.`, { file }, thrown);
  return new RetryableError(`cannot ${what} ${file}: ${messageOf(thrown)}`, { file }, thrown);
}

export function fsyncFolder(folder: string): void {
  if (!CAN_FSYNC_FOLDERS) return;
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Creates the folder and its parents, durably (rule 3). */
export function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    fs.mkdirSync(folder);
  } catch (thrown) {
    if (errno(thrown) !== 'EEXIST') throw diskError(thrown, 'create the folder', folder);
  }
  fsyncFolder(parent);
}

/** Writes all chunks at `position`; short writes are continued. */
export function writeFully(fd: number, chunks: readonly Uint8Array[], position: number): void {
  let rest = chunks;
  let at = position;
  while (rest.length > 0) {
    let n = rest.length === 1 ? fs.writeSync(fd, rest[0]!, 0, rest[0]!.length, at) : fs.writevSync(fd, rest, at);
    at += n;
    let i = 0;
    while (i < rest.length && n >= rest[i]!.length) n -= rest[i++]!.length;
    rest = i === rest.length ? [] : [rest[i]!.subarray(n), ...rest.slice(i + 1)];
  }
}

/** Bytes [from, from + length) or fewer at the end of the file. */
export function readAt(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(Math.max(0, length));
  let n = 0;
  while (n < buffer.length) {
    const got = fs.readSync(fd, buffer, n, buffer.length - n, from + n);
    if (got === 0) break;
    n += got;
  }
  return n === buffer.length ? buffer : buffer.subarray(0, n);
}

/** An fsynced temporary file in `tmp` holding the chunks; the caller links it and removes it. */
export function writeTemporary(tmp: string, chunks: readonly Uint8Array[]): string {
  sweepTemporaries(tmp);
  session ??= `${leaseOwner().replaceAll('/', ',')}${OWNER_END}${randomBytes(6).toString('hex')}`;
  const file = join(tmp, `${session}-${counter++}`);
  let fd: number;
  try {
    fd = fs.openSync(file, 'wx');
  } catch (thrown) {
    if (errno(thrown) !== 'ENOENT') throw diskError(thrown, 'create', file);
    makeFolder(tmp);
    fd = fs.openSync(file, 'wx');
  }
  let done = false;
  try {
    writeFully(fd, chunks, 0);
    fs.fdatasyncSync(fd);
    done = true;
  } catch (thrown) {
    throw diskError(thrown, 'write', file);
  } finally {
    fs.closeSync(fd);
    if (!done) removeFile(file);
  }
  return file;
}

/** Gives the temporary file its name: false if the name is taken. Makes missing folders. Not yet durable (rule 2). */
export function linkNew(temporary: string, target: string): boolean {
  for (let attempt = 0; ; attempt++) {
    try {
      fs.linkSync(temporary, target);
      return true;
    } catch (thrown) {
      if (errno(thrown) === 'EEXIST') return false;
      if (errno(thrown) !== 'ENOENT' || attempt > 0) throw diskError(thrown, 'link', target);
      makeFolder(dirname(target));
    }
  }
}

/** Creates `target` with the chunks unless it exists; durable on return either way. */
export function createFile(tmp: string, target: string, chunks: readonly Uint8Array[]): 'created' | 'exists' {
  const temporary = writeTemporary(tmp, chunks);
  let created: boolean;
  try {
    created = linkNew(temporary, target);
  } finally {
    removeFile(temporary);
  }
  try {
    fsyncFolder(dirname(target));
  } catch (thrown) {
    throw diskError(thrown, 'fsync the folder of', target);
  }
  return created ? 'created' : 'exists';
}

/** Removes a file; one that is not there is no error. */
export function removeFile(file: string): void {
  try {
    fs.unlinkSync(file);
  } catch (thrown) {
    if (errno(thrown) !== 'ENOENT') throw diskError(thrown, 'remove', file);
  }
}

/** Names in a folder; a folder that is not there has none. */
export function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (thrown) {
    if (errno(thrown) === 'ENOENT') return [];
    throw diskError(thrown, 'list', folder);
  }
}

/** Rule 4, once per process and folder. */
function sweepTemporaries(tmp: string): void {
  if (swept.has(tmp)) return;
  swept.add(tmp);
  for (const name of namesIn(tmp)) {
    const file = join(tmp, name);
    const owner = isAlive(name.slice(0, Math.max(0, name.indexOf(OWNER_END))).replaceAll(',', '/'));
    const stat = owner === 'alive' ? undefined : fs.statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (owner === 'dead' || Date.now() - stat.mtimeMs > STALE_TEMPORARY_MS) removeFile(file);
  }
}
