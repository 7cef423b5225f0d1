/** Streams that meet in one operator are parts of one graph. */
import { ConfigError } from '../model/errors.ts';
import type { StreamContext } from './stream-context.ts';

export function checkSameEnvironment(what: string, a: StreamContext, b: StreamContext): void {
  if (a !== b) throw new ConfigError(`${what} of streams from different environments: build them from the same env.`);
}
