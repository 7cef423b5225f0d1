/** What a function returned in place of collecting it: an iterable's elements go to `out`. Anything else but nothing is refused. */
import { UserCodeError } from '../model/errors.ts';
import type { Collector } from './collector.ts';
import { refusePromise } from './map-operator.ts';

export function collectReturned(returned: unknown, out: Collector<never>): void {
  if (returned === undefined || returned === null) return;
  refusePromise(returned);
  if (typeof returned === 'string' || typeof (returned as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function') {
    throw new UserCodeError(
      `the function returned ${typeof returned}; it returns an iterable of results, or nothing and collects them into \`out\`.`,
    );
  }
  for (const item of returned as Iterable<never>) out.collect(item);
}
