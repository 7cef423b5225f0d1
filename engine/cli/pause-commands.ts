/**
 * `millrace pause JOB`, `millrace resume JOB`. A paused job has committed and published its epoch, nobody runs it, and nobody begins to, until
 * it is resumed. An embedded one is then run again by whoever runs it; a deployed one is started.
 */
import { ConfigError } from '../model/errors.ts';
import { awaitJob, overdue } from './await-job.ts';
import type { CliIo } from './cli-io.ts';
import type { JobPlace, PlaceOptions } from './job-place.ts';
import { withPlace } from './open-place.ts';
import { readJobSummary, summaryOf, type JobSummary } from './job-summary.ts';
import { jobTarget } from './job-target.ts';

export interface SteerOptions extends PlaceOptions {
  readonly json?: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export async function pauseCommand(target: string, options: SteerOptions, io: CliIo): Promise<void> {
  const { name } = await jobTarget(target);
  await withPlace(name, options, io, async (place) => {
    const before = await summaryOf(place, name, 'nothing to pause');
    if (hasEnded(before)) {
      tell(io, options, before, `Job "${name}" ${endedText(before)}; there is nothing to pause.`);
      return;
    }
    if (before.status === 'cancelling') throw new ConfigError(`job "${name}" is being cancelled.`);
    if (before.command !== 'pause') await place.command(name, 'pause');
    const timeoutMs = options.timeout * 1000;
    const after = await awaitJob(place, name, timeoutMs, (now) => now.status === 'paused' || hasEnded(now));
    if (after === null) throw overdue(place, name, 'paused', timeoutMs);
    const text = hasEnded(after)
      ? `Job "${name}" ${endedText(after)} before it could pause.`
      : `Job "${name}" is paused after epoch ${after.epoch}. \`millrace resume ${name}${place.flag}\` ends that.`;
    tell(io, options, after, text);
  });
}

export async function resumeCommand(target: string, options: SteerOptions, io: CliIo): Promise<void> {
  const { name } = await jobTarget(target);
  await withPlace(name, options, io, async (place) => {
    // A deployed job may be started for the first time.
    const isNew = place.kind === 'deployed' && (await readJobSummary(place, name)) === null;
    const before = isNew ? null : await summaryOf(place, name, 'nothing to resume');
    if (before !== null && hasEnded(before)) {
      tell(io, options, before, `Job "${name}" ${endedText(before)}; there is nothing to resume.`);
      return;
    }
    if (before?.status === 'cancelling') throw new ConfigError(`job "${name}" is being cancelled.`);
    if (place.kind === 'deployed' || before?.command === 'pause') await place.command(name, 'resume');
    const after =
      place.kind === 'deployed'
        ? await takenUp(place, name, before?.generation ?? 0, options.timeout * 1000)
        : await summaryOf(place, name, 'nothing to resume');
    tell(io, options, after, resumedText(place, before ?? after));
  });
}

/** Every claim of the job takes a generation. */
async function takenUp(place: JobPlace, job: string, generation: number, timeoutMs: number): Promise<JobSummary> {
  const isUp = (now: JobSummary): boolean => now.generation > generation || now.status === 'running' || hasEnded(now);
  const after = await awaitJob(place, job, timeoutMs, isUp);
  if (after === null) throw overdue(place, job, 'taken up', timeoutMs);
  return after;
}

function resumedText(place: JobPlace, { job, epoch, command, status }: JobSummary): string {
  if (place.kind === 'deployed')
    return `Job "${job}" ${command === 'pause' ? '' : 'was not paused; it '}goes on after epoch ${epoch}.`;
  if (command !== 'pause') return `Job "${job}" is not paused.`;
  const pausing = status === 'pausing' ? ' The process that was pausing it ends all the same.' : '';
  return `Job "${job}" is no longer paused: \`millrace run\` with its file goes on after epoch ${epoch}.${pausing}`;
}

export function hasEnded({ phase }: JobSummary): boolean {
  return phase === 'finished' || phase === 'cancelled';
}

function endedText({ phase }: JobSummary): string {
  return phase === 'finished' ? 'has finished' : 'is cancelled';
}

function tell(
  io: CliIo,
  { json }: SteerOptions,
  { job, status, phase, epoch, generation }: JobSummary,
  text: string,
): void {
  io.stdout.write(json === true ? `${JSON.stringify({ job, status, phase, epoch, generation })}\n` : `${text}\n`);
}
