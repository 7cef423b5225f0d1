/** Opens the place that the options of a command name. */
import { describeOwner, isAlive } from '../embedded/lease-owner.ts';
import { ConfigError } from '../model/errors.ts';
import { giveCommand, type CommandKind } from '../runtime/job-commands.ts';
import type { CliIo } from './cli-io.ts';
import type { GivenCommand, JobPlace, PlaceOptions } from './job-place.ts';
import { defaultStateDir, openState } from './stored-state.ts';

/** The stack that a command is about; null: a folder. */
export function stackOf({ state, aws }: PlaceOptions, env: CliIo['env']): string | null {
  if (aws !== undefined && state !== undefined)
    throw new ConfigError('--aws names a stack and --state a folder: give one of them.');
  if (state !== undefined) return null;
  const stack = aws ?? env['MILLRACE_AWS_STACK'] ?? '';
  return stack === '' ? null : stack;
}

export async function jobPlace(job: string, options: PlaceOptions, io: CliIo): Promise<JobPlace> {
  const stack = stackOf(options, io.env);
  if (stack === null) return folderPlace(options.state ?? defaultStateDir(job), options);
  const { stackPlace } = await import('./aws/stack-place.ts');
  return await stackPlace(stack);
}

const KIND_OF: Readonly<Record<GivenCommand, CommandKind>> = { pause: 'stop', resume: 'start', cancel: 'cancel' };

export function folderPlace(stateDir: string, { state }: PlaceOptions): JobPlace {
  const { store, blobs } = openState(stateDir);
  return {
    kind: 'embedded',
    where: stateDir,
    flag: state === undefined ? '' : ` --state ${state}`,
    store,
    blobs,
    async command(job, command) {
      await giveCommand(store, job, KIND_OF[command], Date.now());
    },
    ownerState: isAlive,
    describeOwner,
    close: () => undefined,
  };
}

export async function withPlace<T>(
  job: string,
  options: PlaceOptions,
  io: CliIo,
  use: (place: JobPlace) => Promise<T>,
): Promise<T> {
  const place = await jobPlace(job, options, io);
  try {
    return await use(place);
  } finally {
    place.close();
  }
}
