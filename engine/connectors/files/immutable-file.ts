/**
 * Creates a file that is there whole and durable, or not at all: write a hidden temporary file, fsync it, `link` it to its name (fails if
 * the name exists, unlike rename), fsync the directory.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** 'created', 'same' (it exists with these bytes) or 'different'. */
export async function createImmutable(
  path: string,
  chunks: readonly Uint8Array[],
): Promise<'created' | 'same' | 'different'> {
  const directory = dirname(path);
  await makeDirectory(directory);
  const known = await compare(path, chunks);
  if (known !== 'absent') {
    // Whoever linked it may have died before this.
    if (known === 'same') await syncDirectory(directory);
    return known;
  }
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const chunk of chunks) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(temporary, path);
    } catch (e) {
      if (!hasCode(e, 'EEXIST')) throw e;
      const found = await compare(path, chunks);
      if (found === 'same') await syncDirectory(directory);
      return found === 'same' ? 'same' : 'different';
    }
    await syncDirectory(directory);
    return 'created';
  } finally {
    await unlinkIfThere(temporary);
  }
}

/** Removes temporary files that a crash left in `directory`, of names that `isOurs` accepts. */
export async function removeTemporaries(directory: string, isOurs: (name: string) => boolean): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(directory);
  } catch (e) {
    if (hasCode(e, 'ENOENT')) return;
    throw e;
  }
  for (const entry of entries) {
    const match = /^\.(.*)\.[0-9a-f]{12}\.tmp$/.exec(entry);
    if (match !== null && isOurs(match[1]!)) await unlinkIfThere(join(directory, entry));
  }
}

/** Makes a directory, durably. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return;
  for (let made = directory; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === first || dirname(made) === made || !made.startsWith(first)) return;
  }
}

async function compare(path: string, chunks: readonly Uint8Array[]): Promise<'absent' | 'same' | 'different'> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (e) {
    if (hasCode(e, 'ENOENT')) return 'absent';
    throw e;
  }
  try {
    const { size } = await file.stat();
    if (size !== chunks.reduce((sum, c) => sum + c.length, 0)) return 'different';
    let position = 0;
    for (const chunk of chunks) {
      const there = Buffer.alloc(chunk.length);
      let read = 0;
      while (read < there.length) {
        const { bytesRead } = await file.read(there, read, there.length - read, position + read);
        if (bytesRead === 0) return 'different';
        read += bytesRead;
      }
      if (!there.equals(chunk)) return 'different';
      position += chunk.length;
    }
    return 'same';
  } finally {
    await file.close();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (e) {
    if (!hasCode(e, 'ENOENT')) throw e;
  }
}

function hasCode(e: unknown, code: string): boolean {
  return e instanceof Error && (e as NodeJS.ErrnoException).code === code;
}
