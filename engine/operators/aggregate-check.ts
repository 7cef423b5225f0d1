/** What can be told of an aggregate before anything runs. */
import { ConfigError } from '../model/errors.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import { checkStorable } from '../state/storable.ts';

export function checkAggregate(aggregate: AggregateFunction<never, unknown, unknown>, operator: string): void {
  if (aggregate.preAggregate === true && aggregate.merge === undefined) {
    throw new ConfigError(
      `the aggregate of operator "${operator}" says preAggregate, but has no merge(a, b) by which its parts could be put together. Give it one, or leave preAggregate out.`,
    );
  }
  const accumulator = aggregate.createAccumulator();
  if (accumulator === undefined) {
    throw new ConfigError(
      `createAccumulator of operator "${operator}" returned undefined; return the empty accumulator.`,
    );
  }
  checkStorable(accumulator, `the accumulator of operator "${operator}"`);
}
