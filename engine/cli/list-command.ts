/** `millrace list`: the jobs of a folder of state folders, or of a stack, a line each. */
import { basename } from 'node:path';
import type { CliIo } from './cli-io.ts';
import type { JobPlace, PlaceOptions } from './job-place.ts';
import { folderPlace, jobPlace, stackOf } from './open-place.ts';
import { readJobSummary, type JobSummary } from './job-summary.ts';
import { watermarkText, whole } from './progress.ts';
import { STATE_ROOT, stateFolders } from './stored-state.ts';

export interface ListOptions extends PlaceOptions {
  readonly json?: boolean;
}

interface Listed extends JobSummary {
  /** The folder's name, or the stack's, as options take it. */
  readonly state?: string;
  readonly stack?: string;
}

export async function listCommand(options: ListOptions, io: CliIo): Promise<void> {
  const stack = stackOf(options, io.env);
  const jobs = stack === null ? await jobsOfFolders(options) : await jobsOfStack(stack, options, io);
  if (options.json === true) for (const job of jobs) io.stdout.write(`${JSON.stringify(job)}\n`);
  else io.stdout.write(table(jobs));
}

async function jobsOfFolders(options: ListOptions): Promise<readonly Listed[]> {
  const listed: Listed[] = [];
  for (const folder of stateFolders(options.state ?? STATE_ROOT))
    for (const job of await jobsOf(folderPlace(folder, options))) listed.push({ ...job, state: folder });
  return listed;
}

async function jobsOfStack(stack: string, options: ListOptions, io: CliIo): Promise<readonly Listed[]> {
  const place = await jobPlace('', options, io);
  try {
    return (await jobsOf(place)).map((job) => ({ ...job, stack }));
  } finally {
    place.close();
  }
}

async function jobsOf(place: JobPlace): Promise<readonly JobSummary[]> {
  const summaries: JobSummary[] = [];
  for (const job of await place.store.listJobs()) {
    const summary = await readJobSummary(place, job);
    // Null: removed meanwhile.
    if (summary !== null) summaries.push(summary);
  }
  return summaries;
}

function table(jobs: readonly Listed[]): string {
  if (jobs.length === 0) return '';
  const isFolder = jobs.some(({ job, state }) => state !== undefined && basename(state) !== job);
  const rows = jobs.map((job) => [
    job.job,
    job.status,
    `epoch ${whole(job.epoch)}`,
    job.committedAt === null ? 'nothing committed' : watermarkText(job.committedAt),
    ...(isFolder ? [job.state ?? ''] : []),
  ]);
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
