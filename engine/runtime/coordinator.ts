/** A job from one process's start to its end: a driver that nobody suspends. */
import { InvariantError } from '../model/errors.ts';
import { driveJob } from './drive-job.ts';
import type { JobOptions, JobOutcome } from './job-options.ts';

/** Runs the job until it finishes, is stopped or cancelled, fails for good, or another coordinator has it. Throws only on bugs and crash points. */
export async function runJob(options: JobOptions): Promise<JobOutcome> {
  const outcome = await driveJob(options);
  if (outcome.kind === 'suspended')
    throw new InvariantError('nobody suspends a coordinator that performs its own effects');
  return outcome;
}
