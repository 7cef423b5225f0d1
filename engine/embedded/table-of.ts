/** The state table of an embedded job, if it has one. */
import { ConfigError } from '../model/errors.ts';
import type { StateBackendKind } from '../model/state-backend.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { RunnerOptions } from '../runtime/runner-options.ts';
import type { TableLimits } from '../runtime/table/table-backend.ts';

export interface TableSettings {
  readonly stateBackend?: StateBackendKind | null;
}

export interface TableOptions {
  /** How much of the state may be in memory; tests choose little. */
  readonly tableLimits?: Partial<TableLimits>;
}

export function tableOf(
  job: string,
  table: StateTable | undefined,
  { stateBackend = null }: TableSettings,
  { tableLimits }: TableOptions,
): Pick<RunnerOptions, 'table'> {
  const isUsed = stateBackend === 'table';
  if (table === undefined) {
    if (!isUsed) return {};
    throw new ConfigError(
      `job "${job}" has the state backend "table", and this place has no state table. Deploy the job, or run it here with env.setStateBackend('hashmap').`,
    );
  }
  return { table: { table, isUsed, ...(tableLimits === undefined ? {} : { limits: tableLimits }) } };
}
