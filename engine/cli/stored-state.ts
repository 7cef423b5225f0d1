/** What lies in a `--state` folder: `state`, the job's records and objects, and `log`, the embedded log. */
import { join } from 'node:path';
import { DiskBlobStore } from '../embedded/disk-blob-store.ts';
import { DiskStateStore } from '../embedded/disk-state-store.ts';
import { readJobState, type JobState } from '../runtime/job-state-reader.ts';

export function defaultStateDir(job: string): string {
  return join('.millrace', job);
}

export function logFolder(stateDir: string): string {
  return join(stateDir, 'log');
}

/** Null: there is no such job. */
export async function storedState(stateDir: string, job: string, epochs: number): Promise<JobState | null> {
  const root = join(stateDir, 'state');
  return readJobState(new DiskStateStore(root), new DiskBlobStore(root), job, epochs);
}

export async function storedJobs(stateDir: string): Promise<readonly string[]> {
  return new DiskStateStore(join(stateDir, 'state')).listJobs();
}

/** Counts since the job's first epoch. */
export async function storedTotals(stateDir: string, job: string): Promise<JobState['totals']> {
  return (await storedState(stateDir, job, 1))?.totals ?? {};
}
