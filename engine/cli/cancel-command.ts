/**
 * `millrace cancel JOB`: ends a job that nobody runs at the moment. What is committed is published first; the state stays to be restored, or
 * is deleted, as the job's checkpoint retention says. A job that is being run is refused by name: stop that process first.
 */
import { runEmbedded } from '../embedded/executor.ts';
import { ConfigError } from '../model/errors.ts';
import type { CliIo } from './cli-io.ts';
import { settingOverrides } from './job-settings.ts';
import { loadJob } from './load-job.ts';
import { defaultStateDir, storedState } from './stored-state.ts';

export interface CancelOptions {
  readonly state?: string;
  readonly json?: boolean;
  readonly set: readonly string[];
}

export async function cancelCommand(file: string, options: CancelOptions, io: CliIo): Promise<void> {
  const { job } = await loadJob(file);
  const env = job.instantiate(settingOverrides(job, options.set, io.env));
  const stateDir = options.state ?? defaultStateDir(job.name);
  if ((await storedState(stateDir, job.name, 1)) === null) {
    throw new ConfigError(
      `there is no state of job "${job.name}" in ${stateDir}: nothing to cancel. Give the folder with --state.`,
    );
  }
  const settings = { ...env.settings(), stateDir };
  const { ending } = await runEmbedded(env.toJobGraph(), settings, { cancel: AbortSignal.abort() });
  const retained = settings.retention === 'RETAIN_ON_CANCELLATION';
  if (options.json === true) io.stdout.write(`${JSON.stringify({ job: job.name, ending, retained })}\n`);
  else if (ending === 'finished before')
    io.stdout.write(`Job "${job.name}" had finished before; there is nothing to cancel.\n`);
  else
    io.stdout.write(
      `Job "${job.name}" is cancelled. ${retained ? 'Its checkpoint is kept: run it with --restore to begin a new run there.' : 'Its state is deleted.'}\n`,
    );
}
