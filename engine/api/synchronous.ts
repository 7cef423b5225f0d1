/** Async functions are refused while the job is built, where that can be told from the function itself. */
import { ConfigError } from '../model/errors.ts';
import type { AggregateFunction } from '../state/descriptors.ts';

export function checkSynchronous(fn: unknown, what: string): void {
  if (typeof fn !== 'function') throw new ConfigError(`${what} takes a function; got ${typeof fn}.`);
  if (!fn.constructor.name.startsWith('Async')) return;
  throw new ConfigError(
    `${what} was given an async function, but nothing awaits it there: user functions are synchronous. Use AsyncDataStream for I/O.`,
  );
}

export function checkAggregate<IN, ACC, OUT>(aggregate: AggregateFunction<IN, ACC, OUT>): void {
  for (const method of ['createAccumulator', 'add', 'getResult']) checkMethod(aggregate, method, 'aggregate');
  if (aggregate.merge !== undefined) checkMethod(aggregate, 'merge', 'aggregate');
}

/** A method of an object: it is there, and synchronous. */
export function checkMethod(of: object, name: string, what: string): void {
  checkSynchronous((of as Record<string, unknown>)[name], `${what}: ${name}`);
}
