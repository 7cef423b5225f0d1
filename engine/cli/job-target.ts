/** What a command is about: a job file, or the name of a job. */
import { statSync } from 'node:fs';
import type { JobModule } from '../api/define-job.ts';
import { loadJob } from './load-job.ts';

export interface JobTarget {
  readonly name: string;
  /** Null: only its name was given. */
  readonly job: JobModule | null;
}

export async function jobTarget(target: string): Promise<JobTarget> {
  const job = looksLikeFile(target) ? (await loadJob(target)).job : null;
  return { name: job?.name ?? target, job };
}

function looksLikeFile(target: string): boolean {
  return /[/\\]|\.[mc]?[jt]s$/.test(target) || statSync(target, { throwIfNoEntry: false })?.isFile() === true;
}
