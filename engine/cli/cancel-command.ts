/**
 * `millrace cancel JOB`: ends a job. What is committed is published first; the state stays to be restored, or is deleted, as the job's checkpoint
 * retention says. Whoever runs the job is told to do it; where nobody does, this process does it, for which it needs the job's file.
 */
import type { JobModule } from '../api/define-job.ts';
import { runEmbedded } from '../embedded/executor.ts';
import { ConfigError } from '../model/errors.ts';
import { readHead } from '../runtime/job-records.ts';
import { awaitJob, overdue } from './await-job.ts';
import type { CliIo } from './cli-io.ts';
import type { JobPlace } from './job-place.ts';
import { withPlace } from './open-place.ts';
import { summaryOf, type JobSummary } from './job-summary.ts';
import { settingOverrides } from './job-settings.ts';
import { jobTarget } from './job-target.ts';
import { hasEnded, type SteerOptions } from './pause-commands.ts';
import { defaultStateDir } from './stored-state.ts';

export interface CancelOptions extends SteerOptions {
  readonly set: readonly string[];
}

export async function cancelCommand(target: string, options: CancelOptions, io: CliIo): Promise<void> {
  const { name, job } = await jobTarget(target);
  await withPlace(name, options, io, async (place) => {
    const before = await summaryOf(place, name, 'nothing to cancel');
    if (hasEnded(before))
      return tell(io, options, before.phase === 'finished' ? 'finished before' : 'cancelled before', name, place);
    const after =
      place.kind === 'deployed' || isHeld(place, before) ? await told(place, name, options.timeout * 1000) : null;
    if (after !== null)
      return tell(io, options, after.phase === 'finished' ? 'finished before' : 'cancelled', name, place);
    const ending = await cancelHere(place, name, job, options, io);
    return tell(io, options, ending, name, place);
  });
}

/** Null: whoever ran it has died before it obeyed. */
async function told(place: JobPlace, job: string, timeoutMs: number): Promise<JobSummary | null> {
  await place.command(job, 'cancel');
  const after = await awaitJob(
    place,
    job,
    timeoutMs,
    (now) => hasEnded(now) || (place.kind === 'embedded' && !isHeld(place, now)),
  );
  if (after === null) throw overdue(place, job, 'cancelled', timeoutMs);
  return hasEnded(after) ? after : null;
}

async function cancelHere(
  place: JobPlace,
  name: string,
  job: JobModule | null,
  options: CancelOptions,
  io: CliIo,
): Promise<Ending> {
  if (job === null)
    throw new ConfigError(
      `nobody runs job "${name}", so it is cancelled here, and that takes its file: what is committed may have to be published. Give the path of the job's module instead of its name.`,
    );
  const env = job.instantiate(settingOverrides(job, options.set, io.env));
  const settings = { ...env.settings(), stateDir: options.state ?? defaultStateDir(name) };
  const { ending } = await runEmbedded(env.toJobGraph(), settings, { cancel: AbortSignal.abort() });
  return ending === 'cancelled' || ending === 'cancelled before' ? ending : 'finished before';
}

type Ending = 'cancelled' | 'cancelled before' | 'finished before';

async function tell(
  io: CliIo,
  { json }: CancelOptions,
  ending: Ending,
  job: string,
  { store }: JobPlace,
): Promise<void> {
  const retained = (await readHead(store, job))?.head.manifest !== null;
  if (json === true) {
    io.stdout.write(`${JSON.stringify({ job, ending, retained })}\n`);
    return;
  }
  const kept = retained
    ? 'Its checkpoint is kept: run it with --restore to begin a new run there.'
    : 'Its state is deleted.';
  const text = {
    'finished before': `Job "${job}" had finished before; there is nothing to cancel.`,
    'cancelled before': `Job "${job}" was cancelled before. ${kept}`,
    cancelled: `Job "${job}" is cancelled. ${kept}`,
  }[ending];
  io.stdout.write(`${text}\n`);
}

function isHeld(place: JobPlace, { lease }: JobSummary): boolean {
  return lease !== null && place.ownerState(lease.owner) !== 'dead';
}
