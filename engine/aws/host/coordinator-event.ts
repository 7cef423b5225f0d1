/**
 * What the state machine tells an invocation of the coordinator, checked:
 *
 *   { execution, maxMs?, rowLimit?, input: { settings?, settingsObject?, limits?: { maxMs?, tickMs?, lingerMs?, marginMs?, leaseTtlMs? } } }
 *
 * `input` is what the execution was started with.
 */
import { ConfigError } from '../../model/errors.ts';

export interface CoordinatorEvent {
  /** Id of the execution that invokes; null: nobody's. */
  readonly execution: string | null;
  /** The job's settings, by value … */
  readonly settings: Readonly<Record<string, string>>;
  /** … or by reference: the name of an object that holds them. Those by value win. */
  readonly settingsObject: string | null;
  /** The invocation takes no longer than this, though its function may. */
  readonly maxMs: number;
  /** What the last invocation said; null: no limit. */
  readonly rowLimit: number | null;
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

export function parseCoordinatorEvent(value: unknown): CoordinatorEvent {
  const event = objectOf(value ?? {}, 'the event');
  const input = objectOf(event['input'] ?? {}, 'input');
  const limits = objectOf(input['limits'] ?? {}, 'limits');
  return {
    execution: textOf(event, 'execution'),
    settings: parseSettings(input['settings'] ?? {}, 'settings'),
    settingsObject: textOf(input, 'settingsObject'),
    maxMs: Math.min(numberOf(event, 'maxMs') ?? Infinity, numberOf(limits, 'maxMs') ?? Infinity),
    rowLimit: numberOf(event, 'rowLimit'),
    tickMs: numberOf(limits, 'tickMs') ?? TICK_MS,
    lingerMs: numberOf(limits, 'lingerMs') ?? LINGER_MS,
    marginMs: numberOf(limits, 'marginMs'),
    leaseTtlMs: numberOf(limits, 'leaseTtlMs'),
  };
}

export function parseSettings(value: unknown, what: string): Readonly<Record<string, string>> {
  const settings = objectOf(value, what);
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(settings)) {
    if (typeof text !== 'string')
      throw new ConfigError(`${what}: "${name}" is ${JSON.stringify(text)}; settings are texts, as after --set.`);
    texts[name] = text;
  }
  return texts;
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${what} is a JSON object; got ${JSON.stringify(value)}.`);
  return value as Readonly<Record<string, unknown>>;
}

function textOf(event: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = event[name] ?? null;
  if (value !== null && (typeof value !== 'string' || value === ''))
    throw new ConfigError(`${name} is a text; got ${JSON.stringify(value)}.`);
  return value;
}

function numberOf(limits: Readonly<Record<string, unknown>>, name: string): number | null {
  const value = limits[name] ?? null;
  if (value !== null && (typeof value !== 'number' || !(value >= 0)))
    throw new ConfigError(`${name} is a number, 0 or more; got ${JSON.stringify(value)}.`);
  return value;
}
