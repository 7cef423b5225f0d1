/** The public entry for AWS: a job's functions, over its table and bucket. `functions/lambda` has the entry points that are deployed. */
import type { JobModule } from '../api/define-job.ts';
import { SystemClock } from '../embedded/system-clock.ts';
import { controlOf, type ControlAnswer } from './host/control-host.ts';
import type { CoordinatorAnswer } from './host/coordinator-answer.ts';
import { coordinatorOf } from './host/coordinator-host.ts';
import { jsonLog, type LambdaContext } from './host/lambda.ts';

export type { AnswerError, AnswerStatus, CoordinatorAnswer } from './host/coordinator-answer.ts';
export type { ControlAnswer } from './host/control-host.ts';
export type { LambdaContext } from './host/lambda.ts';

/** A Lambda handler that runs the job's epochs until its time is nearly over, or the job is idle or has ended. */
export function coordinatorHandler(
  job: JobModule,
): (event: unknown, context: LambdaContext) => Promise<CoordinatorAnswer> {
  const log = jsonLog((line) => console.log(line), { function: 'coordinator', job: job.name });
  return coordinatorOf(job, { clock: new SystemClock(), env: process.env, log });
}

/** A Lambda handler that starts, stops and cancels jobs, and tells their state. */
export function controlHandler(): (event: unknown) => Promise<ControlAnswer> {
  return controlOf({ clock: new SystemClock(), env: process.env });
}
