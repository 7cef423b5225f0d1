/** Waits until a job has obeyed. A command stays until another one takes its place, so who waits in vain has lost nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RetryableError } from '../model/errors.ts';
import type { JobPlace } from './job-place.ts';
import { readJobSummary, type JobSummary } from './job-summary.ts';

const LOOK_EVERY_MS = 200;

/** Null: the time is over. */
export async function awaitJob(
  place: JobPlace,
  job: string,
  timeoutMs: number,
  isThere: (summary: JobSummary) => boolean,
): Promise<JobSummary | null> {
  const untilMs = performance.now() + timeoutMs;
  while (true) {
    const summary = await readJobSummary(place, job);
    if (summary !== null && isThere(summary)) return summary;
    if (performance.now() >= untilMs) return null;
    await sleep(LOOK_EVERY_MS);
  }
}

export function overdue(place: JobPlace, job: string, what: string, timeoutMs: number): RetryableError {
  return new RetryableError(
    `job "${job}" is not ${what} after ${timeoutMs / 1000} s. The command stays, and will be obeyed when the job gets to it: \`millrace state ${job}${place.flag}\` shows how it is; --timeout waits longer.`,
    { job },
  );
}
