/** A connection by `pg`. Text comes and goes as text: no value passes through a type parser of the driver's. */
import { isIP } from 'node:net';
import { ConfigError } from '../../../model/errors.ts';
import type { JdbcConnectionOptions } from '../jdbc-connection-options.ts';
import type { JdbcHost } from '../jdbc-url.ts';
import { DriverSession } from '../driver-session.ts';
import { SqlFailure, type RawValue, type SqlResult } from '../session.ts';
import type { WireValue } from '../wire-value.ts';
import { bytesAsHex } from '../encode-value.ts';
import { isMissingTls, postgresFailure } from './postgres-failures.ts';
import type { Client, ClientConfig, QueryArrayResult } from 'pg';

type ClientClass = new (config: ClientConfig) => Client;

/** A transaction whose client is silent for so long is rolled back by the server, so that its locks do not outlive a lost host. */
const IDLE_IN_TRANSACTION_MS = 60_000;

const RAW_TYPES = { getTypeParser: () => (text: string) => text } as unknown as NonNullable<ClientConfig['types']>;

export class PostgresSession extends DriverSession {
  readonly #client: Client;
  /** Is a COMMIT answered before it is durable, unless asked otherwise? */
  readonly #commitsEarly: boolean;

  constructor(client: Client, requestTimeoutMs: number, commitsEarly: boolean) {
    super(requestTimeoutMs);
    this.#client = client;
    this.#commitsEarly = commitsEarly;
    client.on('error', () => (this.broken = true));
    client.on('end', () => (this.broken = true));
  }

  async run(sql: string, values: readonly WireValue[] = []): Promise<SqlResult> {
    const result = await this.#send(sql, values);
    // Several statements answer several results; none of them is asked for.
    if (Array.isArray(result)) return { rows: [], columns: [] };
    return {
      rows: result.rows as RawValue[][],
      columns: result.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID })),
    };
  }

  async begin(lockTimeoutMs: number): Promise<void> {
    const settings = [
      `lock_timeout = ${lockTimeoutMs}`,
      `idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`,
      `"TimeZone" = 'UTC'`,
      `"DateStyle" = 'ISO, YMD'`,
      'standard_conforming_strings = on',
      ...(this.#commitsEarly ? ['synchronous_commit = on'] : []),
    ];
    await this.run(`BEGIN; ${settings.map((setting) => `SET LOCAL ${setting}`).join('; ')}`);
  }

  protected async sendCommit(): Promise<void> {
    const result = await this.#send('COMMIT', []);
    // A transaction that failed before is rolled back by COMMIT, without an error.
    if (!Array.isArray(result) && result.command !== 'COMMIT')
      throw new SqlFailure(`COMMIT answered ${result.command}: the transaction had failed`, {
        reaction: 'other',
        sqlCode: '25P02',
      });
  }

  protected failureOf(thrown: unknown): SqlFailure {
    return postgresFailure(thrown);
  }

  protected async end(): Promise<void> {
    await this.#client.end();
  }

  protected cut(): void {
    cut(this.#client);
  }

  async #send(sql: string, values: readonly WireValue[]): Promise<QueryArrayResult | QueryArrayResult[]> {
    this.checkOpen();
    const text = values.map((value) => (value instanceof Uint8Array ? bytesAsHex(value) : value));
    // A query with values is one statement with parameters; without values it may be several.
    const query = { text: sql, rowMode: 'array' as const, types: RAW_TYPES };
    return await this.answerTo(() => this.#client.query(text.length === 0 ? query : { ...query, values: text }));
  }
}

/** The socket itself: end() would wait for the server to take leave. */
function cut(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/** What the certificate must be made out to. An address is no server name (RFC 6066). */
const identityOf = (host: string): { readonly host: string } | { readonly servername: string } =>
  isIP(host) === 0 ? { servername: host } : { host };

/** The first host that answers, and that can write where `writes`. */
export async function connectPostgres(options: JdbcConnectionOptions, writes: boolean): Promise<PostgresSession> {
  const { Client } = (await import('pg')).default as unknown as { Client: ClientClass };
  let last: unknown = null;
  for (const host of options.url.hosts) {
    try {
      return await connectTo(Client, host, options, writes && options.url.hosts.length > 1);
    } catch (thrown) {
      if (thrown instanceof ConfigError) throw thrown;
      last = thrown;
    }
  }
  throw last;
}

async function connectTo(
  Client: ClientClass,
  host: JdbcHost,
  options: JdbcConnectionOptions,
  onlyWritable: boolean,
): Promise<PostgresSession> {
  const { tls } = options;
  let client: Client;
  try {
    client = await open(Client, host, options, tls !== null);
  } catch (thrown) {
    if (tls?.mode !== 'prefer' || !isMissingTls(thrown)) throw postgresFailure(thrown);
    client = await open(Client, host, options, false).catch((again: unknown) => {
      throw postgresFailure(again);
    });
  }
  const plain = new PostgresSession(client, options.connectTimeoutMs, false);
  const { rows } = await plain.run(
    "SELECT current_setting('transaction_read_only'), current_setting('synchronous_commit')",
  );
  const [readOnly, synchronous] = rows[0]!;
  if (onlyWritable && readOnly === 'on') {
    await plain.close();
    throw new SqlFailure(`${host.host}:${host.port} only reads`, { reaction: 'connection', sqlCode: '25006' });
  }
  if (options.url.schema !== null) {
    const schema = options.url.schema.split(',').map((name) => `"${name.trim().replaceAll('"', '""')}"`);
    await plain.run(`SET search_path TO ${schema.join(', ')}`);
  }
  return new PostgresSession(client, options.requestTimeoutMs, synchronous === 'off');
}

async function open(
  Client: ClientClass,
  { host, port }: JdbcHost,
  options: JdbcConnectionOptions,
  encrypted: boolean,
): Promise<Client> {
  const { url, user, password, tls } = options;
  const client = new Client({
    host,
    port,
    database: url.database,
    user,
    ...(password === null ? {} : { password }),
    ssl: encrypted && tls !== null ? tlsConfig(tls, host) : false,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    application_name: url.applicationName ?? 'millrace',
  });
  // Without a listener an error between two queries ends the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (thrown) {
    cut(client);
    throw thrown;
  }
  return client;
}

function tlsConfig(
  tls: NonNullable<JdbcConnectionOptions['tls']>,
  host: string,
): Exclude<ClientConfig['ssl'], boolean> {
  return {
    rejectUnauthorized: tls.mode === 'verify-ca' || tls.mode === 'verify-full',
    ...(tls.mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : identityOf(host)),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key }),
  };
}
