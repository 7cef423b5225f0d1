/**
 * Commands to a deployed job, and a look at it, as a Lambda function: `{ job?, command, reason? }`.
 *
 * | command            | what it does                                                                              |
 * |--------------------|-------------------------------------------------------------------------------------------|
 * | `start`, `resume`  | the job is meant to run; its machine is started, unless somebody works on the job already |
 * | `stop`, `pause`    | its epoch in work is published, and then nothing until `start`                            |
 * | `cancel`           | its epoch in work is dropped, and the job ends; the machine is started to do that         |
 * | `state`            | nothing                                                                                   |
 * | `savepoint`        | is refused: there are none yet                                                            |
 */
import { ConfigError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { giveCommand, lastCommand, type CommandKind, type JobCommand } from '../../runtime/job-commands.ts';
import { readJobState, type JobState } from '../../runtime/job-state-reader.ts';
import { machineArn, type MachineStarter } from '../machine-starter.ts';
import { openAwsPorts, placeOf, required, type AwsPorts, type Environment, type OpenAwsPorts } from './aws-ports.ts';
import { isObject } from './carry-checks.ts';
import type { FunctionContext } from './doorbell-host.ts';
import { wakefulnessOf } from './job-wakefulness.ts';

export interface ControlAnswer {
  readonly job: string;
  /** How the job is meant to be; null: nobody has given a command yet. */
  readonly command: JobCommand | null;
  /** The job's machine was started. */
  readonly started: boolean;
  /** Null: it has never run. */
  readonly state: JobState | null;
}

export interface ControlHost {
  readonly clock: Clock;
  readonly env: Environment;
  readonly openStarter: () => MachineStarter & { quiesce(): void };
  /** Instead of AWS's: tests. */
  readonly openPorts?: OpenAwsPorts;
}

const COMMANDS: Readonly<Record<string, CommandKind>> = {
  start: 'start',
  resume: 'start',
  stop: 'stop',
  pause: 'stop',
  cancel: 'cancel',
};
const EPOCHS_SHOWN = 5;

interface ControlEvent {
  readonly job: string;
  /** Null: only a look. */
  readonly command: CommandKind | null;
  readonly reason: string | null;
}

export function controlOf(host: ControlHost): (event: unknown, context: FunctionContext) => Promise<ControlAnswer> {
  return async (value, context) => {
    const event = parseEvent(value, host.env);
    const { job } = event;
    const ports = (host.openPorts ?? openAwsPorts)(placeOf(host.env), host.clock);
    try {
      const { store, blobs } = ports;
      const started = event.command !== null && (await obey(host, ports, event, event.command, context));
      return {
        job,
        command: await lastCommand(store, job),
        started,
        state: await readJobState(store, blobs, job, EPOCHS_SHOWN),
      };
    } finally {
      ports.quiesce();
    }
  };
}

async function obey(
  { clock, env, openStarter }: ControlHost,
  { store }: AwsPorts,
  { job, reason }: ControlEvent,
  kind: CommandKind,
  { invokedFunctionArn }: FunctionContext,
): Promise<boolean> {
  const given = await giveCommand(store, job, kind, clock.nowMs(), reason);
  if (kind === 'stop' || (await wakefulnessOf(store, job, clock.nowMs())) !== 'asleep') return false;
  const starter = openStarter();
  try {
    const machine = machineArn(invokedFunctionArn, required(env, 'MILLRACE_MACHINE'));
    const name = `command-${given.number}-${given.givenAtMs}`;
    return (await starter.start(machine, name, required(env, 'MILLRACE_INPUT'))) === 'started';
  } finally {
    starter.quiesce();
  }
}

function parseEvent(value: unknown, env: Environment): ControlEvent {
  const { job = env['MILLRACE_JOB'], command, reason = null } = isObject(value) ? value : {};
  if (typeof job !== 'string' || job === '')
    throw new ConfigError('the event names no job: { "job": …, "command": … }.');
  if (command === 'savepoint')
    throw new ConfigError(
      'savepoints are not there yet. The last checkpoint stays when a job is stopped or cancelled.',
    );
  if (command === 'state') return { job, command: null, reason: null };
  const known = typeof command === 'string' ? COMMANDS[command] : undefined;
  if (known === undefined)
    throw new ConfigError(
      `command is one of ${Object.keys(COMMANDS).join(', ')}, state; got ${JSON.stringify(command)}.`,
    );
  return { job, command: known, reason: reasonOf(reason) };
}

/** A text, or a state machine's `{ Error, Cause }`. */
function reasonOf(reason: unknown): string | null {
  if (reason === null || typeof reason === 'string') return reason;
  const { Error: name, Cause: cause } = isObject(reason) ? reason : {};
  return `${String(name)}: ${String(cause)}`;
}
