/**
 * What a split of a database source reads. It is recorded with the job's plans, so that a job that goes on reads the same pieces, whatever
 * the table's smallest and largest values are by then.
 */
import { ConfigError, InvariantError } from '../../../model/errors.ts';
import type { SplitSpec } from '../../../ports/source.ts';

export interface SplitDetails {
  /** Of the settings that the pieces follow from. */
  readonly signature: string;
  /**
   * `key`: position = value of the integer key − `from`, so rows that come and go elsewhere change nothing. `row`: position = number of rows before,
   * in the order of the key.
   */
  readonly by: 'key' | 'row';
  /** Values [from, to) of the partition column, as text. Null: no bound. */
  readonly from: string | null;
  readonly to: string | null;
  /** Rows in which the partition column is null. */
  readonly nulls: boolean;
  /** Values of the statement's `?`. */
  readonly parameters: readonly (string | null)[];
}

export const WHOLE: Omit<SplitDetails, 'signature'> = { by: 'row', from: null, to: null, nulls: false, parameters: [] };

export function detailsOf({ id, details }: SplitSpec): SplitDetails {
  if (details === undefined)
    throw new InvariantError(`the split ${id} of a database source says nothing of its bounds`);
  return JSON.parse(details) as SplitDetails;
}

/** Throws ConfigError where the job has read other pieces than these settings make. */
export function checkSignature(found: SplitDetails, signature: string, description: string): void {
  if (found.signature === signature) return;
  throw new ConfigError(
    `${description}: the job has read it in other pieces (table, statement, key fields, partition column or their number have changed), so its positions mean nothing now. Bring the settings back, or start the job in a new state folder.`,
  );
}
