/** The public entry for AWS: a job's functions, over its table and bucket. `functions/lambda` has the entry points that are deployed. */
import type { JobModule } from '../api/define-job.ts';
import { SystemClock } from '../embedded/system-clock.ts';
import { controlOf, type ControlAnswer } from './host/control-host.ts';
import { dispatcherOf, type DispatcherAnswer } from './host/dispatcher-host.ts';
import { doorbellOf, type DoorbellAnswer, type FunctionContext } from './host/doorbell-host.ts';
import { openInvoker, openStarter } from './host/aws-callers.ts';
import type { CoordinatorAnswer } from './host/coordinator-answer.ts';
import { coordinatorOf } from './host/coordinator-host.ts';
import { folderOf, type FolderAnswer } from './host/folder-host.ts';
import { publisherOf, type PublisherAnswer } from './host/publisher-host.ts';
import { subtaskOf, type SubtaskAnswer } from './host/subtask-host.ts';
import { jsonLog, writeLine, type LambdaContext } from './host/lambda.ts';
import type { JobHost } from './host/warm-job.ts';
import { awsSecretReader, SecretSettings } from './secrets.ts';

export type { AnswerError, AnswerStatus, CoordinatorAnswer } from './host/coordinator-answer.ts';
export type { ControlAnswer } from './host/control-host.ts';
export type { DispatcherAnswer } from './host/dispatcher-host.ts';
export type { DoorbellAnswer, FunctionContext } from './host/doorbell-host.ts';
export type { FolderAnswer } from './host/folder-host.ts';
export type { PublisherAnswer } from './host/publisher-host.ts';
export type { SubtaskAnswer } from './host/subtask-host.ts';
export type { LambdaContext } from './host/lambda.ts';

/** A Lambda handler that runs the job's epochs until its time is nearly over, or the job is idle or has ended. */
export function coordinatorHandler(
  job: JobModule,
): (event: unknown, context: LambdaContext) => Promise<CoordinatorAnswer> {
  const host = jobHost('coordinator', job);
  return coordinatorOf(job, { ...host, openInvoker: () => openInvoker(host.clock) });
}

/** A Lambda handler that runs one subtask of a stage. */
export function subtaskHandler(job: JobModule): (event: unknown, context: LambdaContext) => Promise<SubtaskAnswer> {
  return subtaskOf(job, jobHost('subtask', job));
}

/** A Lambda handler that publishes a slot of a committed epoch. */
export function publisherHandler(job: JobModule): (event: unknown, context: LambdaContext) => Promise<PublisherAnswer> {
  return publisherOf(job, jobHost('publisher', job));
}

/** A Lambda handler that folds the job's state beside its epochs. */
export function folderHandler(job: JobModule): (event: unknown, context: LambdaContext) => Promise<FolderAnswer> {
  return folderOf(job, jobHost('folder', job));
}

/** A Lambda handler that starts, stops and cancels jobs, and tells their state. */
export function controlHandler(): (event: unknown, context: FunctionContext) => Promise<ControlAnswer> {
  const clock = new SystemClock();
  return controlOf({ clock, env: process.env, openStarter: () => openStarter(clock) });
}

/** A Lambda handler that wakes a sleeping job. */
export function doorbellHandler(): (event: unknown, context: FunctionContext) => Promise<DoorbellAnswer> {
  const clock = new SystemClock();
  const log = jsonLog(writeLine, { function: 'doorbell' });
  return doorbellOf({ clock, env: process.env, log, openStarter: () => openStarter(clock) });
}

/** A Lambda handler that invokes the subtasks of one branch of a wide stage. */
export function dispatcherHandler(): (event: unknown) => Promise<DispatcherAnswer> {
  const clock = new SystemClock();
  return dispatcherOf({ env: process.env, openInvoker: () => openInvoker(clock) });
}

/** What settings refer to is read by the process that runs the job, and is in none of its lines. */
function jobHost(name: string, job: JobModule): JobHost {
  const clock = new SystemClock();
  const secrets = new SecretSettings(() => awsSecretReader(clock), clock);
  const log = jsonLog((line) => writeLine(secrets.redact(line)), { function: name, job: job.name });
  return { clock, env: process.env, log, secrets };
}
