/** A connection to MySQL or MariaDB by `mysql2`. Values go as parameters of prepared statements, and everything comes back as text or bytes. */
import { isIP } from 'node:net';
import { ConfigError } from '../../../model/errors.ts';
import type { Connection, ConnectionOptions, FieldPacket } from 'mysql2/promise';
import type { JdbcConnectionOptions, JdbcTls } from '../jdbc-connection-options.ts';
import type { JdbcHost } from '../jdbc-url.ts';
import { DriverSession } from '../driver-session.ts';
import { SqlFailure, type RawValue, type SqlResult } from '../session.ts';
import type { WireValue } from '../wire-value.ts';
import { mysqlFailure } from './mysql-failures.ts';

/** An idle session is closed by the server after so long. */
const IDLE_SECONDS = 300;
/** Once it writes: its locks go with it, and must not outlive a host that is lost or stands still. */
const WRITER_IDLE_SECONDS = 60;
/** Of a value beside its content, in a request. */
const VALUE_BYTES = 12;
/** UTF-8 takes at most so many bytes for each of JavaScript's characters. */
const UTF8 = 3;
/** Statements that the driver keeps prepared on the server. */
const PREPARED = 64;

/**
 * Strict: a value that does not fit is an error and not cut. Zero is a value of an AUTO_INCREMENT column, not a call for the next one.
 * Only ANSI_QUOTES changes what a statement means, so it goes.
 */
const SETTINGS = `SET SESSION sql_mode = CONCAT(REPLACE(@@SESSION.sql_mode, 'ANSI_QUOTES', ''), ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'), SESSION time_zone = '+00:00', SESSION wait_timeout = ${IDLE_SECONDS}`;

export class MysqlSession extends DriverSession {
  readonly #connection: Connection;
  readonly #maxPacketBytes: number;

  constructor(connection: Connection, requestTimeoutMs: number, maxPacketBytes: number) {
    super(requestTimeoutMs);
    this.#connection = connection;
    this.#maxPacketBytes = maxPacketBytes;
    const breaks = (): void => void (this.broken = true);
    connection.on('error', breaks);
    connection.on('end', breaks);
  }

  async run(sql: string, values: readonly WireValue[] = []): Promise<SqlResult> {
    this.checkOpen();
    this.#checkPacket(sql, values);
    const bound = values.map((value) => (value instanceof Uint8Array ? asBuffer(value) : value));
    const options = { sql, rowsAsArray: true } as const;
    const [rows, fields] = await this.answerTo<[unknown, FieldPacket[] | undefined]>(() =>
      bound.length === 0 ? this.#connection.query(options) : this.#connection.execute({ ...options, values: bound }),
    );
    return {
      rows: Array.isArray(rows) ? (rows as RawValue[][]) : [],
      columns: (fields ?? []).map((field) => ({ name: field.name, type: typeOf(field) })),
    };
  }

  async begin(lockTimeoutMs: number): Promise<void> {
    const seconds = Math.max(1, Math.ceil(lockTimeoutMs / 1000));
    // The second is for tables that are locked or altered: a day, and more, by default.
    await this.run(
      `SET SESSION innodb_lock_wait_timeout = ${seconds}, SESSION lock_wait_timeout = ${seconds}, SESSION wait_timeout = ${WRITER_IDLE_SECONDS}`,
    );
    await this.run('START TRANSACTION');
  }

  protected async sendCommit(): Promise<void> {
    await this.run('COMMIT');
  }

  protected failureOf(thrown: unknown): SqlFailure {
    return mysqlFailure(thrown);
  }

  protected async end(): Promise<void> {
    await this.#connection.end();
  }

  protected cut(): void {
    this.#connection.destroy();
  }

  /** The server closes the connection on a larger one, and what the reason was is lost with it. */
  #checkPacket(sql: string, values: readonly WireValue[]): void {
    let bytes = 0;
    for (const value of values) bytes += VALUE_BYTES + (value?.length ?? 0);
    if (values.length === 0) bytes = sql.length;
    if (bytes * UTF8 <= this.#maxPacketBytes) return;
    bytes = values.length === 0 ? Buffer.byteLength(sql) : 0;
    for (const value of values)
      bytes += VALUE_BYTES + (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0));
    if (bytes <= this.#maxPacketBytes) return;
    throw new SqlFailure(
      `${bytes} bytes are more than the server takes at once (max_allowed_packet is ${this.#maxPacketBytes}; raise it)`,
      { reaction: 'again', sqlCode: '1153' },
    );
  }
}

/** Flags of a column beside its type, folded into one number: see `mysql-types.ts`. */
function typeOf(field: FieldPacket): number {
  const { columnType = 0, columnLength = 0, characterSet = 0 } = field as FieldPacket & { characterSet?: number };
  return columnType + (columnLength === 1 ? LENGTH_ONE : 0) + (characterSet === BINARY_CHARSET ? BINARY : 0);
}
export const LENGTH_ONE = 1024;
export const BINARY = 2048;
const BINARY_CHARSET = 63;

/** The first host that answers. */
export async function connectMysql(options: JdbcConnectionOptions, writes: boolean): Promise<MysqlSession> {
  const { createConnection } = await import('mysql2/promise');
  let last: unknown = null;
  for (const host of options.url.hosts) {
    if (options.tls?.mode === 'verify-full' && isIP(host.host) !== 0)
      throw new ConfigError(
        `${options.description}: the driver for MySQL and MariaDB cannot verify that a certificate is made out to an address (${host.host}). Write the host's name, or take verify-ca.`,
      );
    try {
      const connection = await connected(createConnection, options, host);
      const session = await prepared(connection, options);
      if (writes && options.url.hosts.length > 1) await refuseReader(session, host);
      return session;
    } catch (thrown) {
      last = thrown instanceof SqlFailure ? thrown : mysqlFailure(thrown);
    }
  }
  throw last;
}

async function prepared(connection: Connection, options: JdbcConnectionOptions): Promise<MysqlSession> {
  const plain = new MysqlSession(connection, options.connectTimeoutMs, Infinity);
  await plain.run(SETTINGS);
  const { rows } = await plain.run('SELECT @@max_allowed_packet');
  return new MysqlSession(connection, options.requestTimeoutMs, Number(rows[0]?.[0]));
}

async function connected(
  create: (config: ConnectionOptions) => Promise<Connection>,
  options: JdbcConnectionOptions,
  host: JdbcHost,
): Promise<Connection> {
  try {
    return await create(configOf(options, host));
  } catch (thrown) {
    const isWithoutTls = (thrown as { readonly code?: unknown }).code === 'HANDSHAKE_NO_SSL_SUPPORT';
    if (options.tls?.mode !== 'prefer' || !isWithoutTls) throw thrown;
    return await create(configOf(options, host, null));
  }
}

async function refuseReader(session: MysqlSession, { host, port }: JdbcHost): Promise<void> {
  const { rows } = await session.run('SELECT @@GLOBAL.read_only');
  if (String(rows[0]?.[0]) === '0') return;
  await session.close();
  throw new SqlFailure(`${host}:${port} only reads`, { reaction: 'connection', sqlCode: '1290' });
}

function configOf(
  options: JdbcConnectionOptions,
  { host, port }: JdbcHost,
  tls: JdbcTls | null = options.tls,
): ConnectionOptions {
  const { url, user, password } = options;
  const ssl =
    tls === null
      ? {}
      : {
          ssl: {
            rejectUnauthorized: tls.mode === 'verify-ca' || tls.mode === 'verify-full',
            verifyIdentity: tls.mode === 'verify-full',
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key }),
          },
        };
  return {
    host,
    port,
    database: url.database,
    user,
    ...(password === null ? {} : { password }),
    ...ssl,
    connectTimeout: options.connectTimeoutMs,
    enableKeepAlive: true,
    charset: 'utf8mb4_bin',
    maxPreparedStatements: PREPARED,
    // Exact, and free of this machine's zone: everything that is not bytes comes as text.
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
  };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
