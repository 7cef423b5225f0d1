/**
 * What the state machine tells an invocation of the coordinator, checked:
 *
 *   { execution, startedAt?, secondsLeft?, carry?, done?,
 *     input: { settings?, settingsObject?, limits?: { maxMs?, tickMs?, lingerMs?, marginMs?, leaseTtlMs? } } }
 *
 * `input` is what the execution was started with, `carry` what the last invocation answered, `done` what the machine did since.
 */
import { ConfigError } from '../../model/errors.ts';
import { parseCarry, type Carry } from './carry.ts';
import { parseJobInput, objectOf, textOf, numberOf, type JobInput } from './job-input.ts';

/** The work that the last answer asked for. */
export interface Done {
  readonly kind: 'stage' | 'publish' | null;
  /** Null: all of it was done. */
  readonly error: { readonly name: string; readonly cause: string } | null;
}

export interface CoordinatorEvent extends JobInput {
  /** Id of the execution that invokes; null: nobody's. */
  readonly execution: string | null;
  /** By the wall clock; null: not known. */
  readonly executionStartedMs: number | null;
  /** By the wall clock, when the execution is over; null: it has no end that matters. */
  readonly executionEndsMs: number | null;
  /** At least this is left of it. */
  readonly secondsLeft: number;
  /** The invocation takes no longer than this, though its function may. */
  readonly maxMs: number;
  /** As it came: for other functions of the job. */
  readonly input: unknown;
  readonly carry: Carry;
  readonly done: Done;
  readonly tickMs: number;
  readonly lingerMs: number;
  /** Null: by the invocation's time. */
  readonly marginMs: number | null;
  /** Null: by the job's epochs. */
  readonly leaseTtlMs: number | null;
}

/** ARCHITECTURE section 7: the tick is a minute or less. */
const TICK_MS = 60_000;
const LINGER_MS = 2_000;
/** An invocation takes no more of what its execution has left: its wait or its stage is to fit as well. */
export const OF_THE_REST = 0.5;
/** Of an express execution, which alone has an end that matters. */
const EXPRESS_MS = 300_000;

export function parseCoordinatorEvent(value: unknown, nowMs: number): CoordinatorEvent {
  const event = objectOf(value ?? {}, 'the event');
  const input = objectOf(event['input'] ?? {}, 'input');
  const limits = objectOf(input['limits'] ?? {}, 'limits');
  const secondsLeft = numberOf(event, 'secondsLeft');
  const startedMs = timeOf(textOf(event, 'startedAt'));
  return {
    ...parseJobInput(input),
    input,
    execution: textOf(event, 'execution'),
    executionStartedMs: startedMs,
    executionEndsMs:
      secondsLeft === null ? null : startedMs === null ? nowMs + secondsLeft * 1000 : startedMs + EXPRESS_MS,
    maxMs: Math.min(numberOf(limits, 'maxMs') ?? Infinity, (secondsLeft ?? Infinity) * 1000 * OF_THE_REST),
    secondsLeft: secondsLeft ?? Infinity,
    carry: parseCarry(event['carry']),
    done: parseDone(event['done']),
    tickMs: numberOf(limits, 'tickMs') ?? TICK_MS,
    lingerMs: numberOf(limits, 'lingerMs') ?? LINGER_MS,
    marginMs: numberOf(limits, 'marginMs'),
    leaseTtlMs: numberOf(limits, 'leaseTtlMs'),
  };
}

/** Step Functions writes times in ISO 8601. */
function timeOf(text: string | null): number | null {
  const ms = text === null ? NaN : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

function parseDone(value: unknown): Done {
  const { kind = null, error = null } = objectOf(value ?? {}, 'done');
  if (kind !== null && kind !== 'stage' && kind !== 'publish')
    throw new ConfigError(`done.kind is "stage", "publish" or null; got ${JSON.stringify(kind)}.`);
  if (error === null) return { kind, error: null };
  const parts = objectOf(error, 'done.error');
  return { kind, error: { name: textOf(parts, 'Error') ?? 'unknown', cause: causeOf(parts['Cause']) } };
}

const causeOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));
