/**
 * Where the database is, and as whom to speak to it:
 *
 *     new JdbcConnectionOptionsBuilder().withUrl('jdbc:postgresql://db/shop').withUsername('etl').withPassword(config.password).build()
 *
 * Passwords are strings that the job's configuration holds; they never stand in a message.
 */
import { readFileSync } from 'node:fs';
import { ConfigError, messageOf } from '../../model/errors.ts';
import { describeUrl, parseJdbcUrl, type JdbcUrl, type TlsMode } from './jdbc-url.ts';

export interface JdbcTlsOptions {
  /** Default: verify-full. */
  readonly mode?: Exclude<TlsMode, 'off' | 'prefer'>;
  /** PEM: authorities. Default: those that Node trusts. */
  readonly ca?: string;
  /** PEM: the client's own certificate and key. */
  readonly cert?: string;
  readonly key?: string;
}

export interface JdbcTls {
  readonly mode: Exclude<TlsMode, 'off'>;
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A request without an answer for so long ends its connection: a server that vanished would hold a publication for ever. */
const REQUEST_TIMEOUT_MS = 120_000;

export class JdbcConnectionOptions {
  readonly url: JdbcUrl;
  readonly user: string;
  /** Null: plain text. */
  readonly tls: JdbcTls | null;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** For messages: nothing secret. */
  readonly description: string;
  /** Private, so that no inspection of the object shows it. */
  readonly #password: string | null;

  /** Use `JdbcConnectionOptionsBuilder`. */
  constructor(options: Omit<JdbcConnectionOptions, 'description' | 'toJSON'>) {
    this.url = { ...options.url, password: null };
    this.user = options.user;
    this.#password = options.password;
    this.tls = options.tls;
    this.connectTimeoutMs = options.connectTimeoutMs;
    this.requestTimeoutMs = options.requestTimeoutMs;
    this.description = describeUrl(options.url);
  }

  /** Null: none is sent. */
  get password(): string | null {
    return this.#password;
  }

  toJSON(): string {
    return this.description;
  }
}

interface Settings {
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  readonly tls?: JdbcTlsOptions;
  readonly connectTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
}

/** Immutable: each method answers another builder. */
export class JdbcConnectionOptionsBuilder {
  readonly #settings: Settings;
  constructor(settings: Settings = {}) {
    this.#settings = settings;
  }
  /** `jdbc:postgresql://…`, `jdbc:mysql://…` or `jdbc:mariadb://…`. */
  withUrl(url: string): JdbcConnectionOptionsBuilder {
    return new JdbcConnectionOptionsBuilder({ ...this.#settings, url });
  }
  withUsername(user: string): JdbcConnectionOptionsBuilder {
    return new JdbcConnectionOptionsBuilder({ ...this.#settings, user });
  }
  withPassword(password: string): JdbcConnectionOptionsBuilder {
    return new JdbcConnectionOptionsBuilder({ ...this.#settings, password });
  }
  /** Encrypts, and verifies unless told otherwise. Replaces what the URL says. */
  withTls(tls: JdbcTlsOptions = {}): JdbcConnectionOptionsBuilder {
    return new JdbcConnectionOptionsBuilder({ ...this.#settings, tls });
  }
  /** To connect at all. Default 10 s. */
  withConnectionCheckTimeoutSeconds(seconds: number): JdbcConnectionOptionsBuilder {
    return new JdbcConnectionOptionsBuilder({ ...this.#settings, connectTimeoutMs: milliseconds(seconds) });
  }
  /** For one request; after it the connection is given up and the outcome is looked up. Default 120 s. */
  withRequestTimeoutSeconds(seconds: number): JdbcConnectionOptionsBuilder {
    return new JdbcConnectionOptionsBuilder({ ...this.#settings, requestTimeoutMs: milliseconds(seconds) });
  }
  build(): JdbcConnectionOptions {
    const { url: text, user, password, tls, connectTimeoutMs, requestTimeoutMs } = this.#settings;
    if (text === undefined)
      throw new ConfigError("JdbcConnectionOptions has no URL: call withUrl('jdbc:postgresql://host:5432/database').");
    const url = parseJdbcUrl(text);
    const name = user ?? url.user;
    if (name === null)
      throw new ConfigError(
        `JdbcConnectionOptions for ${describeUrl(url)} has no user: call withUsername('name'), or write ?user=name in the URL.`,
      );
    return new JdbcConnectionOptions({
      url,
      user: name,
      password: password ?? url.password,
      tls: tls === undefined ? tlsOfUrl(url) : { mode: 'verify-full', ...NO_PEM, ...tls },
      connectTimeoutMs: connectTimeoutMs ?? url.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      requestTimeoutMs: requestTimeoutMs ?? url.socketTimeoutMs ?? REQUEST_TIMEOUT_MS,
    });
  }
}

const NO_PEM = { ca: null, cert: null, key: null } as const;

function tlsOfUrl(url: JdbcUrl): JdbcTls | null {
  if (url.tls === 'off') return null;
  return { mode: url.tls, ca: pem(url.rootCertificate), cert: pem(url.certificate), key: pem(url.key) };
}

function pem(path: string | null): string | null {
  if (path === null) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new ConfigError(`The certificate file ${path} of the JDBC URL cannot be read: ${messageOf(thrown)}`, {
      path,
    });
  }
}

function milliseconds(seconds: number): number {
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new ConfigError(`A timeout is a number of seconds above 0; got ${String(seconds)}.`);
  return Math.ceil(seconds * 1000);
}
