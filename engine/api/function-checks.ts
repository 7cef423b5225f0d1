/** What can be told of a user's function before anything runs. */
import { ConfigError } from '../model/errors.ts';
import { checkSynchronous } from './synchronous.ts';

/** Objects of several functions: all of them must be there; what has a life cycle of its own is a class. */
export function checkFunctions(fn: object, names: readonly string[], call: string, classForm: string): void {
  if (typeof fn !== 'object' || fn === null)
    throw new ConfigError(`${call} takes a ${classForm}, or an object with ${names.join(' and ')}.`);
  refuseCheckpointed(fn, call);
  for (const name of names) {
    if (typeof (fn as Record<string, unknown>)[name] !== 'function')
      throw new ConfigError(
        `${call} takes a ${classForm}, or an object with ${names.join(' and ')}: ${name} is missing.`,
      );
    checkMethod(fn, name, `${call}: ${name}`);
  }
}

/** A plain object is shared by all subtasks, so it cannot be opened by each. */
export function refuseLifeCycle(fn: object, classForm: string): void {
  if ('open' in fn || 'close' in fn)
    throw new ConfigError(
      `an object with open or close would be shared by all subtasks. Write a class that extends ${classForm}: each subtask gets a copy.`,
    );
}

/** Only a ProcessFunction has state without a key. */
export function refuseCheckpointed(fn: object, where: string): void {
  if ('initializeState' in fn || 'snapshotState' in fn)
    throw new ConfigError(
      `${where} does not call initializeState and snapshotState: a CheckpointedFunction is a ProcessFunction on a stream without keys. Keyed functions ask for their state in open(ctx).`,
    );
}

/** A function, or the method of an object: it must not be async. */
export function checkMethod(fn: object, name: string, what: string): void {
  checkSynchronous(typeof fn === 'function' ? fn : (fn as Record<string, unknown>)[name], what);
}
