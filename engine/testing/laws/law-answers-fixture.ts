/** What two runs of a job are compared by. */
import type { InMemoryRun } from '../run-in-memory.ts';

type Rows = Pick<InMemoryRun, 'sinks' | 'rows'>;

/** The rows of every sink, in no order. */
export const multisets = (result: Rows): Record<string, string[]> =>
  Object.fromEntries(
    result.sinks.map((sink) => [
      sink,
      result
        .rows(sink)
        .map((row) => JSON.stringify([row.value, row.timestamp]))
        .sort(),
    ]),
  );

/** The rows of every sink by epoch, in no order within one. */
export const byEpoch = (result: Rows): Record<string, string[]> =>
  Object.fromEntries(
    result.sinks.map((sink) => [
      sink,
      result
        .rows(sink)
        .map((row) => JSON.stringify([row.epoch, row.value, row.timestamp]))
        .sort(),
    ]),
  );

/** What was counted, but for what tells of the crashes themselves. */
export function countsOf({ counts }: Pick<InMemoryRun, 'counts'>): Record<string, number> {
  const { replans: _, ...rest } = counts;
  return rest;
}
