/**
 * The part of the Confluent Schema Registry's REST API that reading and writing need; Apicurio (…/apis/ccompat/v7), Karapace and Redpanda speak it.
 * What is transient is tried again; then RetryableError. Refused credentials, and a URL where there is no registry, are ConfigErrors.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, messageOf, RetryableError } from '../../model/errors.ts';
import type { RegistryResponse } from './registry-fetch.ts';
import type { RegistryAuth, RegistrySettings } from './registry-options.ts';

/** A schema and those that it refers to, each after those that it needs itself. */
export interface RegisteredSchema {
  readonly schema: string;
  readonly references: readonly string[];
  /** Those that have it, for messages; none where the registry does not say. */
  readonly subjects: readonly string[];
}

export interface SchemaReference {
  /** Full name of the type that the reference defines. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5000;
const MAX_REFERENCES = 1000;
const MAX_ID = 0x7fff_ffff;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
/** Error codes of the registry's own 404. */
const NOT_THERE: ReadonlySet<unknown> = new Set([40401, 40402, 40403]);

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface RawAnswer {
  /** Of the registry that gave it. */
  readonly url: string;
  readonly status: number;
  /** Null: no JSON object or list. */
  readonly body: Answer['body'] | null;
}

export class SchemaRegistryClient {
  /** For messages. */
  readonly url: string;
  readonly #settings: RegistrySettings;

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
    this.url = settings.urls.join(',');
  }

  /** The Avro schema with this id; a text says why there is none. */
  async schemaById(id: number): Promise<RegisteredSchema | string> {
    // A registry counts with Java's int: what it would say to another is what it says where there is no registry.
    if (id > MAX_ID) return `is none that a registry gives: ids end at ${MAX_ID}`;
    const { status, body } = await this.#request('GET', `/schemas/ids/${id}`);
    if (status === 404) return 'is not in the registry';
    if (status !== 200) return `was refused by the registry (${status}: ${shownMessage(body)})`;
    const kind = body['schemaType'] ?? 'AVRO';
    if (kind !== 'AVRO') return `is a ${JSON.stringify(kind)} schema, not Avro`;
    const [references, subjects] = await Promise.all([this.#referenced(body), this.#subjects(id)]);
    return { schema: schemaOf(body), references, subjects };
  }

  /** The id under which the subject has the schema, after registering it where it is new. */
  async register(subject: string, schema: string, references: readonly SchemaReference[]): Promise<number> {
    const { status, body } = await this.#request('POST', `/subjects/${encodeURIComponent(subject)}/versions`, {
      schema,
      references,
    });
    if (status === 200) return idOf(body);
    if (status === 409)
      throw new ConfigError(
        `schema registry ${this.url}: the schema is not compatible with those of subject "${subject}": ${shownMessage(body)}. Give new fields a default and keep the types of old ones, change the subject's compatibility, or write to another subject.`,
        { subject },
      );
    throw new ConfigError(
      `schema registry ${this.url}: subject "${subject}" did not take the schema (${status}): ${shownMessage(body)}.`,
      { subject },
    );
  }

  /** The id under which the subject has exactly this schema. */
  async lookup(subject: string, schema: string, references: readonly SchemaReference[]): Promise<number> {
    const { status, body } = await this.#request('POST', `/subjects/${encodeURIComponent(subject)}`, {
      schema,
      references,
    });
    if (status === 200) return idOf(body);
    throw new ConfigError(
      `schema registry ${this.url}: subject "${subject}" does not have the schema (${status}: ${shownMessage(body)}), and autoRegister is off: register it first.`,
      { subject },
    );
  }

  /** Who may read a schema by its id need not be allowed to ask for its subjects. */
  async #subjects(id: number): Promise<readonly string[]> {
    const { status, body } = await this.#send('GET', `/schemas/ids/${id}/versions`);
    if (status !== 200 || !Array.isArray(body)) return [];
    const versions = body as readonly { readonly subject?: unknown }[];
    return versions.map(({ subject }) => subject).filter((subject) => typeof subject === 'string');
  }

  /** Schemas that `body` refers to, depth first. */
  async #referenced(body: Answer['body'], seen = new Set<string>()): Promise<string[]> {
    const found: string[] = [];
    for (const { subject, version } of referencesOf(body)) {
      const key = `${subject}/${version}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > MAX_REFERENCES)
        throw new ConfigError(`schema registry ${this.url}: a schema has more than ${MAX_REFERENCES} references.`);
      const answer = await this.#request('GET', `/subjects/${encodeURIComponent(subject)}/versions/${version}`);
      if (answer.status !== 200)
        throw new ConfigError(
          `schema registry ${this.url}: a schema refers to version ${version} of subject "${subject}", which cannot be read (${answer.status}: ${shownMessage(answer.body)}).`,
          { subject, version },
        );
      found.push(...(await this.#referenced(answer.body, seen)), schemaOf(answer.body));
    }
    return found;
  }

  /** The answer of a registry that takes the credentials. */
  async #request(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
    const { url, status, body: parsed } = await this.#send(method, path, body);
    if (status === 401 || status === 403)
      throw new ConfigError(`schema registry ${url} refused the credentials (${status}): set auth for it.`, { url });
    if (parsed === null || (status === 404 && !NOT_THERE.has(parsed['error_code'])))
      throw new ConfigError(
        `schema registry ${url}: the answer to ${method} ${path} (${status}) is not a registry's. The URL must be that of the Confluent API; Apicurio has it at …/apis/ccompat/v7.`,
        { url },
      );
    return { status, body: parsed };
  }

  /** Any answer but a transient one. */
  async #send(method: 'GET' | 'POST', path: string, body?: object): Promise<RawAnswer> {
    const { urls, retryForMs } = this.#settings;
    const began = performance.now();
    for (let attempt = 0, wait = FIRST_WAIT_MS; ; attempt++, wait = Math.min(2 * wait, MAX_WAIT_MS)) {
      const url = urls[attempt % urls.length]!;
      const answer = await this.#attempt(url, method, path, body);
      if (typeof answer !== 'string') return answer;
      if (performance.now() - began + wait > retryForMs) {
        throw new RetryableError(
          `schema registry ${url}: ${method} ${path} failed ${attempt + 1} times in ${Math.round(performance.now() - began)} ms, at last with: ${answer}.`,
          { url, path },
        );
      }
      await sleep(wait);
    }
  }

  /** The answer; a text says what is worth another try. */
  async #attempt(url: string, method: 'GET' | 'POST', path: string, body?: object): Promise<RawAnswer | string> {
    const { timeoutMs, fetch, auth, headers } = this.#settings;
    const authorization = auth === null ? {} : { authorization: await authorizationOf(auth) };
    let response: RegistryResponse;
    let text: string;
    try {
      response = await fetch(url + path, {
        method,
        headers: {
          accept: `${CONTENT_TYPE}, application/json`,
          'content-type': CONTENT_TYPE,
          ...authorization,
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await response.text();
    } catch (e) {
      if (isDistrust(e))
        throw new ConfigError(
          `schema registry ${url}: its certificate is not trusted (${reasonOf(e)}): give its authority as tls: { ca }.`,
          { url },
        );
      return reasonOf(e);
    }
    const { status } = response;
    if (status === 408 || status === 429 || status >= 500) return `${status} ${text.slice(0, 200)}`;
    return { url, status, body: parsedBody(text) };
  }
}

async function authorizationOf(auth: RegistryAuth): Promise<string> {
  if ('token' in auth) return `Bearer ${typeof auth.token === 'string' ? auth.token : await auth.token()}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

function isDistrust(thrown: unknown): boolean {
  const { code, cause } = (thrown ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code === 'string') return /CERT|UNABLE_TO_(?:VERIFY|GET_ISSUER)/.test(code);
  return cause !== undefined && isDistrust(cause);
}

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error ? `${messageOf(thrown)} (${messageOf(cause)})` : messageOf(thrown);
}

function parsedBody(text: string): Answer['body'] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Answer['body']) : null;
  } catch {
    return null;
  }
}

function schemaOf(body: Answer['body']): string {
  const { schema } = body as { readonly schema?: unknown };
  if (typeof schema === 'string') return schema;
  throw new ConfigError('schema registry: an answer holds no schema.');
}

function idOf(body: Answer['body']): number {
  const { id } = body as { readonly id?: unknown };
  if (typeof id === 'number') return id;
  throw new ConfigError('schema registry: an answer holds no schema id.');
}

function referencesOf(body: Answer['body']): readonly SchemaReference[] {
  const { references } = body as { readonly references?: unknown };
  return Array.isArray(references) ? (references as readonly SchemaReference[]) : [];
}

function shownMessage(body: Answer['body']): string {
  const { message } = body as { readonly message?: unknown };
  return typeof message === 'string' ? message.slice(0, 1000) : JSON.stringify(body).slice(0, 300);
}
