/**
 * Commands to a job from outside the process that runs it, if one does: items `command/<number>` beside the protocol's, the last of which
 * says how the job is meant to be. So a command is obeyed however often coordinators die or are doubled, on whatever host, and until another
 * one takes its place.
 */
import { ConfigError, CorruptionError } from '../model/errors.ts';
import type { StateStore } from '../ports/state-store.ts';

/** `stop`: finish the epoch, and stay so until `start`. `cancel`: drop it, and end the job. */
export type CommandKind = 'start' | 'stop' | 'cancel';

export interface JobCommand {
  readonly number: number;
  readonly kind: CommandKind;
  readonly givenAtMs: number;
  /** Why, where whoever gave it said so: a job that failed stops itself. */
  readonly reason?: string;
}

const PREFIX = 'command/';
const DIGITS = 12;
const KINDS: readonly CommandKind[] = ['start', 'stop', 'cancel'];
/** Two at once take numbers of their own; more than a few in a row are a mistake. */
const TRIES = 20;
const MAX_REASON_CHARACTERS = 2_000;

const keyOf = (number: number): string => `${PREFIX}${String(number).padStart(DIGITS, '0')}`;

/** Null: none was given yet. */
export async function lastCommand(store: StateStore, job: string): Promise<JobCommand | null> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const key = (await store.listItems(job, PREFIX)).at(-1);
    if (key === undefined) return null;
    const bytes = await store.readItem(job, key);
    // Deleted meanwhile: a later one is there.
    if (bytes !== null) return decode(job, key, bytes);
  }
  throw new CorruptionError(`the commands of job "${job}" change faster than they can be read.`, { job });
}

export async function giveCommand(
  store: StateStore,
  job: string,
  kind: CommandKind,
  nowMs: number,
  reason: string | null = null,
): Promise<JobCommand> {
  const given = {
    kind,
    givenAtMs: nowMs,
    ...(reason === null ? {} : { reason: reason.slice(0, MAX_REASON_CHARACTERS) }),
  };
  const bytes = Buffer.from(JSON.stringify({ format: 1, ...given }));
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const keys = await store.listItems(job, PREFIX);
    const number = numberOf(keys.at(-1)) + 1;
    if ((await store.createItem(job, keyOf(number), bytes)) === 'exists') continue;
    for (const key of keys) await store.deleteItem(job, key);
    return { number, ...given };
  }
  throw new ConfigError(`job "${job}": others give commands at the same time. Look at its state, and try again.`, {
    job,
  });
}

const numberOf = (key: string | undefined): number => (key === undefined ? 0 : Number(key.slice(PREFIX.length)));

function decode(job: string, key: string, bytes: Uint8Array): JobCommand {
  const { format, kind, givenAtMs, reason } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
  const known = KINDS.find((k) => k === kind);
  if (format !== 1 || known === undefined || typeof givenAtMs !== 'number')
    throw new CorruptionError(`job "${job}": ${key} holds no command that this version knows.`, { job, key });
  return { number: numberOf(key), kind: known, givenAtMs, ...(typeof reason === 'string' ? { reason } : {}) };
}
