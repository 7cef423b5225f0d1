/**
 * Settings whose values are secrets, by reference: what is deployed, logged and stored holds the reference, and only the process that runs the
 * job holds the value.
 *
 *   ssm:/path/name                            a parameter, decrypted
 *   secretsmanager:NAME-or-ARN[#field]        a secret, or a field of one that is a JSON object
 *
 * Values are kept as long as the process lives, and looked up again when they are older than `SECRET_MAX_AGE_MS`: a rotated password is taken
 * up without a deployment. No message holds a value; `redact` takes care of those that others write.
 */
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ConfigError, MillraceError, RetryableError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { callAws, nameOf } from './aws-call.ts';

export const SECRET_MAX_AGE_MS = 5 * 60_000;

/** Null: it holds no text. */
export interface SecretReader {
  parameter(name: string): Promise<string | null>;
  secret(id: string): Promise<string | null>;
  /** No connection is left. */
  close(): void;
}

export function awsSecretReader(clock: Pick<Clock, 'sleep'>, settings: object = {}): SecretReader {
  const ssm = new SSMClient({ ...settings, maxAttempts: 1 });
  const secrets = new SecretsManagerClient({ ...settings, maxAttempts: 1 });
  return {
    async parameter(Name) {
      const command = new GetParameterCommand({ Name, WithDecryption: true });
      return (await callAws('GetParameter', clock, () => ssm.send(command))).Parameter?.Value ?? null;
    },
    async secret(SecretId) {
      const command = new GetSecretValueCommand({ SecretId });
      return (await callAws('GetSecretValue', clock, () => secrets.send(command))).SecretString ?? null;
    },
    close() {
      ssm.destroy();
      secrets.destroy();
    },
  };
}

type Settings = Readonly<Record<string, string>>;

const SSM = 'ssm:';
const SECRETS_MANAGER = 'secretsmanager:';
/** Shorter ones are words like any other. */
const REDACTED_FROM = 4;
const REDACTED = '[secret]';

export class SecretSettings {
  readonly #open: () => SecretReader;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #known = new Map<string, { readonly value: string; readonly atMs: number }>();
  /** Former values too: a message may be late. */
  readonly #values = new Set<string>();

  constructor(open: () => SecretReader, clock: Pick<Clock, 'monotonicMs'>) {
    this.#open = open;
    this.#clock = clock;
  }

  /** The settings, with values in the place of references. Throws ConfigError naming the setting and its reference. */
  async resolve(settings: Settings): Promise<Settings> {
    const references = Object.entries(settings).filter(([, value]) => isReference(value));
    const stale = references.filter(([, reference]) => !this.#isFresh(reference));
    if (stale.length > 0) {
      const reader = this.#open();
      try {
        for (const [name, reference] of stale)
          if (!this.#isFresh(reference)) this.#keep(reference, await read(reader, name, reference));
      } finally {
        reader.close();
      }
    }
    const values = references.map(([name, reference]) => [name, this.#known.get(reference)!.value] as const);
    return { ...settings, ...Object.fromEntries(values) };
  }

  /** The text without the values, as they are and as JSON and URLs write them. */
  redact(text: string): string {
    let redacted = text;
    for (const value of this.#values)
      for (const form of new Set([JSON.stringify(value).slice(1, -1), encodeURIComponent(value), value]))
        redacted = redacted.replaceAll(form, REDACTED);
    return redacted;
  }

  #isFresh(reference: string): boolean {
    const known = this.#known.get(reference);
    return known !== undefined && this.#clock.monotonicMs() - known.atMs < SECRET_MAX_AGE_MS;
  }

  #keep(reference: string, value: string): void {
    this.#known.set(reference, { value, atMs: this.#clock.monotonicMs() });
    if (value.length >= REDACTED_FROM) this.#values.add(value);
  }
}

const isReference = (value: string): boolean => value.startsWith(SSM) || value.startsWith(SECRETS_MANAGER);

async function read(reader: SecretReader, setting: string, reference: string): Promise<string> {
  const refused = (why: string, cause?: unknown): ConfigError =>
    new ConfigError(`setting "${setting}" is ${reference}: ${why}`, { setting, reference }, cause);
  const isParameter = reference.startsWith(SSM);
  const [id, field] = isParameter
    ? [reference.slice(SSM.length), undefined]
    : splitField(reference.slice(SECRETS_MANAGER.length));
  if (id === '') throw refused('it names nothing. Write ssm:/path/name or secretsmanager:NAME#field.');
  let text: string | null;
  try {
    text = await (isParameter ? reader.parameter(id) : reader.secret(id));
  } catch (error) {
    if (error instanceof RetryableError) throw error;
    // Their messages name what was asked for, and never hold it.
    const cause = error instanceof MillraceError ? error.cause : error;
    throw refused(whyNot(nameOf(cause), isParameter), error);
  }
  if (text === null) throw refused('it holds no text.');
  return field === undefined ? text : fieldOf(text, field, refused);
}

function whyNot(name: string, isParameter: boolean): string {
  const right = isParameter ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue';
  if (name.includes('NotFound'))
    return `there is none of that name (${name}). Create it in the job's account and region.`;
  return `it could not be read (${name}). The function's role needs ${right} on it, and kms:Decrypt on its key.`;
}

/** A name has no '#'. */
function splitField(text: string): readonly [id: string, field: string | undefined] {
  const at = text.indexOf('#');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function fieldOf(text: string, field: string, refused: (why: string) => ConfigError): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error would quote the secret.
    throw refused('it is no JSON object, so it has no fields.');
  }
  const found =
    typeof value === 'object' && value !== null && Object.hasOwn(value, field)
      ? (value as Record<string, unknown>)[field]
      : undefined;
  if (typeof found === 'string') return found;
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  throw refused(`it has no field "${field}" with a text.`);
}
