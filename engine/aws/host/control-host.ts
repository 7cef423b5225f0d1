/** Commands to a deployed job, and a look at it, as a Lambda function: `{ job, command: 'start' | 'stop' | 'cancel' | 'state' }`. */
import { ConfigError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { readJobState, type JobState } from '../../runtime/job-state-reader.ts';
import { openAwsPorts, placeOf, type Environment, type OpenAwsPorts } from './aws-ports.ts';
import { giveCommand, lastCommand, type CommandKind, type JobCommand } from './job-commands.ts';

export interface ControlAnswer {
  readonly job: string;
  /** How the job is meant to be; null: nobody has given a command yet. */
  readonly command: JobCommand | null;
  /** Null: it has never run. */
  readonly state: JobState | null;
}

export interface ControlHost {
  readonly clock: Clock;
  readonly env: Environment;
  /** Instead of AWS's: tests. */
  readonly openPorts?: OpenAwsPorts;
}

const COMMANDS: readonly CommandKind[] = ['start', 'stop', 'cancel'];
const EPOCHS_SHOWN = 5;

export function controlOf(host: ControlHost): (event: unknown) => Promise<ControlAnswer> {
  return async (value) => {
    const { job, command } = parseEvent(value, host.env);
    const ports = (host.openPorts ?? openAwsPorts)(placeOf(host.env), host.clock);
    try {
      const { store, blobs } = ports;
      if (command !== 'state') await giveCommand(store, job, command, host.clock.nowMs());
      return {
        job,
        command: await lastCommand(store, job),
        state: await readJobState(store, blobs, job, EPOCHS_SHOWN),
      };
    } finally {
      ports.quiesce();
    }
  };
}

function parseEvent(
  value: unknown,
  env: Environment,
): { readonly job: string; readonly command: CommandKind | 'state' } {
  const { job = env['MILLRACE_JOB'], command } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof job !== 'string' || job === '')
    throw new ConfigError('the event names no job: { "job": …, "command": … }.');
  const known = [...COMMANDS, 'state' as const].find((kind) => kind === command);
  if (known === undefined)
    throw new ConfigError(`command is one of ${COMMANDS.join(', ')}, state; got ${JSON.stringify(command)}.`);
  return { job, command: known };
}
