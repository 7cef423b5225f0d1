/** Downloads, kept between runs: in MILLRACE_CACHE, or `millrace` in the user's cache folder. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../file-lock.ts';

export function cacheFolder(): string {
  const { MILLRACE_CACHE, XDG_CACHE_HOME } = process.env;
  return MILLRACE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'millrace');
}

/** A folder under `parent` that `fill` made once, whole: it appears by a rename when complete. Others wait for whoever fills it. */
export async function installOnce(
  name: string,
  fill: (folder: string) => Promise<void>,
  parent: string = cacheFolder(),
): Promise<string> {
  const folder = join(parent, name);
  if (existsSync(folder)) return folder;
  return await withLock(join(parent, `${name}.lock`), async () => {
    if (existsSync(folder)) return folder;
    const draft = `${folder}.part`;
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true });
    await fill(draft);
    renameSync(draft, folder);
    return folder;
  });
}
