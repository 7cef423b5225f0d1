/** What lies in a `--state` folder: `state`, the job's records and objects, `log`, the embedded log, and `logs`, what its runs have said. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DiskBlobStore } from '../embedded/disk-blob-store.ts';
import { DiskStateStore } from '../embedded/disk-state-store.ts';
import { readJobState, type JobState } from '../runtime/job-state-reader.ts';

/** The folder of state folders. */
export const STATE_ROOT = '.millrace';

export function defaultStateDir(job: string): string {
  return join(STATE_ROOT, job);
}

export function logFolder(stateDir: string): string {
  return join(stateDir, 'log');
}

export function openState(stateDir: string): { readonly store: DiskStateStore; readonly blobs: DiskBlobStore } {
  const root = join(stateDir, 'state');
  return { store: new DiskStateStore(root), blobs: new DiskBlobStore(root) };
}

/** The folder itself, where it holds jobs, and those in it that do. */
export function stateFolders(root: string): readonly string[] {
  if (!existsSync(root)) return [];
  const inside = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [root, ...inside.map(({ name }) => join(root, name)).toSorted()].filter((folder) =>
    existsSync(join(folder, 'state', 'jobs')),
  );
}

/** Counts since the job's first epoch. */
export async function storedTotals(stateDir: string, job: string): Promise<JobState['totals']> {
  const { store, blobs } = openState(stateDir);
  return (await readJobState(store, blobs, job, 1))?.totals ?? {};
}
