/**
 * A stack of an AWS account as a place of jobs: looks read its table and bucket, commands go through the job's control function, which starts
 * what has to be started. Region and credentials are the SDK's own defaults.
 */
import { jobNames, stackNames } from '../../../infra/stack-names.ts';
import { openInvoker } from '../../aws/host/aws-callers.ts';
import { openAwsPorts } from '../../aws/host/aws-ports.ts';
import { parseOwner } from '../../aws/host/invocation-lease.ts';
import { SystemClock } from '../../embedded/system-clock.ts';
import type { JobPlace } from '../job-place.ts';
import { requireRegion } from './require-region.ts';

/** Between this machine's clock and Lambda's. */
const CLOCK_SKEW_MS = 5_000;

export async function stackPlace(stack: string): Promise<JobPlace> {
  await requireRegion();
  const clock = new SystemClock();
  const ports = openAwsPorts(stackNames(stack), clock);
  const functions = openInvoker(clock);
  return {
    kind: 'deployed',
    where: `stack "${stack}"`,
    flag: ` --aws ${stack}`,
    store: ports.store,
    blobs: ports.blobs,
    async command(job, command) {
      await functions.invoke(jobNames(stack, job).functionOf('control'), { job, command });
    },
    ownerState(owner) {
      const invocation = parseOwner(owner);
      if (invocation === null) return 'unknown';
      return clock.nowMs() > invocation.deadlineMs + CLOCK_SKEW_MS ? 'dead' : 'alive';
    },
    describeOwner: describe,
    close() {
      ports.quiesce();
      functions.quiesce();
    },
  };
}

function describe(owner: string): string {
  const invocation = parseOwner(owner);
  if (invocation === null) return `"${owner}"`;
  return `Lambda invocation ${invocation.request} of ${invocation.execution}, until ${new Date(invocation.deadlineMs).toISOString()}`;
}
