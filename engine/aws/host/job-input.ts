/** What an execution was started with, as every function of the job gets it: which job it is, its settings included. And what events are checked by. */
import { ConfigError } from '../../model/errors.ts';
import type { BlobStore } from '../../ports/blob-store.ts';

export interface JobInput {
  /** The job's settings, by value … */
  readonly settings: Readonly<Record<string, string>>;
  /** … or by reference: the name of an object that holds them. Those by value win. */
  readonly settingsObject: string | null;
}

export function parseJobInput(value: unknown): JobInput {
  const input = objectOf(value ?? {}, 'input');
  return {
    settings: parseSettings(input['settings'] ?? {}, 'settings'),
    settingsObject: textOf(input, 'settingsObject'),
  };
}

/** The job's settings, sorted by name: equal ones are equal texts. */
export async function settingsOf(
  { settings, settingsObject }: JobInput,
  blobs: Pick<BlobStore, 'read'>,
): Promise<Readonly<Record<string, string>>> {
  const all = { ...(settingsObject === null ? {} : await readSettings(settingsObject, blobs)), ...settings };
  return Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function readSettings(name: string, blobs: Pick<BlobStore, 'read'>): Promise<Readonly<Record<string, string>>> {
  const bytes = await blobs.read(name);
  if (bytes === null) throw new ConfigError(`there is no object ${name} with the job's settings in its bucket.`);
  const what = `object ${name}`;
  try {
    return parseSettings(JSON.parse(Buffer.from(bytes).toString()), what);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ConfigError(`${what} is no JSON: ${error.message}`, {}, error);
  }
}

function parseSettings(value: unknown, what: string): Readonly<Record<string, string>> {
  const settings = objectOf(value, what);
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(settings)) {
    if (typeof text !== 'string')
      throw new ConfigError(`${what}: "${name}" is ${JSON.stringify(text)}; settings are texts, as after --set.`);
    texts[name] = text;
  }
  return texts;
}

export function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${what} is a JSON object; got ${JSON.stringify(value)}.`);
  return value as Readonly<Record<string, unknown>>;
}

export function textOf(event: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = event[name] ?? null;
  if (value !== null && (typeof value !== 'string' || value === ''))
    throw new ConfigError(`${name} is a text; got ${JSON.stringify(value)}.`);
  return value;
}

export function numberOf(limits: Readonly<Record<string, unknown>>, name: string): number | null {
  const value = limits[name] ?? null;
  if (value !== null && (typeof value !== 'number' || !(value >= 0)))
    throw new ConfigError(`${name} is a number, 0 or more; got ${JSON.stringify(value)}.`);
  return value;
}
