/**
 * Debian's package tools. Package lists are kept in the cache folder, fetched from the sources that this machine has: the system's own
 * lists may be empty, as in a fresh image, and need root to be refreshed.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../file-lock.ts';
import type { Tell } from '../recipe.ts';
import { cacheFolder } from './cache-folder.ts';
import { findTool, runTool } from './run-tool.ts';

export const hasApt = (): boolean => findTool('apt-get') !== null && findTool('dpkg') !== null;

/** Installs programs into the system. Only root can. */
export async function aptInstall(packages: readonly string[], tell: Tell): Promise<void> {
  await withLock(join(cacheFolder(), 'apt-install.lock'), async () => {
    tell(`apt-get install ${packages.join(' ')}`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await aptGet(await ownLists(), ['install', '-y', '-q', '--no-install-recommends', ...packages], env);
  });
}

/** Unpacks packages, with those they need and the system lacks, into a folder: nothing is installed. */
export async function aptUnpack(packages: readonly string[], folder: string): Promise<void> {
  const options = await ownLists();
  const plan = await aptGet(options, ['install', '-s', '-q', '--no-install-recommends', ...packages]);
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  const archives = join(folder, 'archives');
  mkdirSync(archives, { recursive: true });
  await aptGet(options, ['download', '-q', ...new Set([...packages, ...missing])], {}, archives);
  for (const archive of readdirSync(archives)) await runTool('dpkg', ['-x', join(archives, archive), folder]);
  rmSync(archives, { recursive: true });
}

async function ownLists(): Promise<readonly string[]> {
  const lists = join(cacheFolder(), 'apt', 'lists');
  const archives = join(cacheFolder(), 'apt', 'archives');
  for (const folder of [lists, archives]) mkdirSync(join(folder, 'partial'), { recursive: true });
  const options = [
    '-o',
    `Dir::State::lists=${lists}`,
    '-o',
    `Dir::Cache=${join(cacheFolder(), 'apt')}`,
    '-o',
    'APT::Sandbox::User=root',
  ];
  await withLock(join(cacheFolder(), 'apt', 'lists.lock'), async () => await aptGet(options, ['update', '-q']));
  return options;
}

async function aptGet(
  options: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<string> {
  return await runTool('apt-get', [...options, ...args], { env, ...(cwd === undefined ? {} : { cwd }) });
}
