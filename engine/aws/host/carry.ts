/**
 * What one invocation of the coordinator hands to the next, through the state machine, which does not look into it. It makes the next one better
 * informed and nothing more: what cannot be read, or was written by another version, is a fresh start.
 */
import type { Carry as Drive } from '../../runtime/drive-job.ts';
import { isCount, isObject, isText } from './carry-checks.ts';
import { parseDrive } from './carried-drive.ts';
import { NO_SPEEDS, parseSpeeds, type Speeds } from './speeds.ts';

export interface Carry {
  readonly format: 1;
  /** The coordinator that waits for work done elsewhere; null: none does. */
  readonly drive: Drive | null;
  /** What it waits for. */
  readonly handedOut: HandedOut | null;
  /** Rows that an epoch may read; null: as many as its time allows. */
  readonly rowLimit: number | null;
  /** When the next paced epoch is due, by the wall clock; null: now. */
  readonly dueMs: number | null;
  /** What is handed out is all that is left of a paced epoch, which began then; null: it is not. */
  readonly pacedSinceMs: number | null;
  /** When the folder was started last, by the wall clock; null: nobody knows. */
  readonly foldAskedMs: number | null;
  readonly speeds: Speeds;
}

/** A stage of an epoch, or its publication. */
export interface HandedOut {
  /** Key of the plan, or of the manifest. */
  readonly key: string;
  /** Null: the publication. */
  readonly stage: string | null;
  /** How often. */
  readonly times: number;
}

export const NO_CARRY: Carry = {
  format: 1,
  drive: null,
  handedOut: null,
  rowLimit: null,
  dueMs: null,
  pacedSinceMs: null,
  foldAskedMs: null,
  speeds: NO_SPEEDS,
};

export function parseCarry(value: unknown): Carry {
  if (!isObject(value) || value['format'] !== 1) return NO_CARRY;
  const { rowLimit, dueMs, pacedSinceMs, foldAskedMs } = value;
  const speeds = parseSpeeds(value['speeds']);
  const drive = value['drive'] === null ? null : parseDrive(value['drive']);
  const handedOut = value['handedOut'] === null ? null : parseHandedOut(value['handedOut']);
  if (speeds === null || drive === undefined || handedOut === undefined) return NO_CARRY;
  if (rowLimit !== null && !(isCount(rowLimit) && rowLimit >= 1)) return NO_CARRY;
  if (![dueMs, pacedSinceMs, foldAskedMs].every((ms) => ms === null || isCount(ms))) return NO_CARRY;
  const times = { dueMs, pacedSinceMs, foldAskedMs } as Pick<Carry, 'dueMs' | 'pacedSinceMs' | 'foldAskedMs'>;
  return { format: 1, drive, handedOut, rowLimit, ...times, speeds };
}

/** Undefined: broken. */
function parseHandedOut(value: unknown): HandedOut | undefined {
  if (!isObject(value)) return undefined;
  const { key, stage, times } = value;
  if (!isText(key) || !(stage === null || isText(stage)) || !isCount(times)) return undefined;
  return { key, stage, times };
}
