/** How to reach a schema registry. */
import { ConfigError } from '../../model/errors.ts';
import type { RegistryFetch, RegistryTls } from './registry-fetch.ts';
import { tlsFetch } from './tls-fetch.ts';

export interface SchemaRegistryOptions {
  readonly auth?: RegistryAuth;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** One request. Default: 10 s. */
  readonly timeoutMs?: number;
  /** What is transient (no connection, a timeout, 429, 5xx) is tried again for so long; then the attempt fails with RetryableError. Default: 30 s. */
  readonly retryForMs?: number;
  /** Schemas kept in memory. Default: 1000, as in Flink. */
  readonly identityMapCapacity?: number;
  /** For https: certificates of one's own. */
  readonly tls?: RegistryTls;
  /** Default: the `fetch` of the platform. A function of one's own can bring a proxy, signatures. */
  readonly fetch?: RegistryFetch;
}

export type RegistryAuth =
  | { readonly username: string; readonly password: string }
  /** A bearer token; a function is asked before each request. */
  | { readonly token: string | (() => string | Promise<string>) };

export const DEFAULT_IDENTITY_MAP_CAPACITY = 1000;

export interface RegistrySettings {
  /** Without a slash at the end. Several: the next one is tried when one does not answer. */
  readonly urls: readonly string[];
  readonly auth: RegistryAuth | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retryForMs: number;
  readonly fetch: RegistryFetch;
}

const NO_URL = { protocol: '', username: '', password: '' };

/** Settings with defaults. `url`: one, or several separated by commas; throws ConfigError on what is none. */
export function registrySettings(url: string, options: SchemaRegistryOptions): RegistrySettings {
  const urls = url.split(',').map((one) => one.trim().replace(/\/+$/, ''));
  for (const one of urls) {
    const { protocol, username, password } = URL.canParse(one) ? new URL(one) : NO_URL;
    if (protocol !== 'http:' && protocol !== 'https:')
      throw new ConfigError(
        `schema registry: ${JSON.stringify(one.replace(/\/\/.*@/, '//'))} is no http(s) URL, e.g. "http://registry:8081".`,
      );
    if (username !== '' || password !== '')
      throw new ConfigError(
        'schema registry: the URL holds a user name or a password; give it as auth: { username, password }.',
      );
  }
  return {
    urls,
    auth: options.auth ?? null,
    headers: options.headers ?? {},
    timeoutMs: positive('timeoutMs', options.timeoutMs ?? 10_000),
    retryForMs: positive('retryForMs', options.retryForMs ?? 30_000),
    fetch: fetchOf(urls, options),
  };
}

function fetchOf(urls: readonly string[], { tls, fetch: given }: SchemaRegistryOptions): RegistryFetch {
  if (tls === undefined) return given ?? ((to, request) => fetch(to, request as RequestInit));
  if (given !== undefined) throw new ConfigError('schema registry: give tls or fetch, not both.');
  const plain = urls.find((url) => !url.startsWith('https:'));
  if (plain !== undefined) throw new ConfigError(`schema registry: tls is set, but ${plain} is no https URL.`);
  return tlsFetch(tls);
}

function positive(name: string, value: number): number {
  if (value >= 0) return value;
  throw new ConfigError(`schema registry: ${name} must be 0 or more, got ${value}.`);
}
