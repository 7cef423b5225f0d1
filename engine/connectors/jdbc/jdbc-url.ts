/**
 * JDBC URLs: what they say about where the database is and how to speak to it.
 *
 *     jdbc:postgresql://db1:5432,db2:5432/shop?sslmode=verify-full&currentSchema=sales
 *     jdbc:mysql://user@db:3306/shop?sslMode=REQUIRED
 *     jdbc:mariadb://db/shop
 *
 * A parameter that would change something and is not known here is refused; those that only tune Java's drivers are passed over.
 */
import { ConfigError } from '../../model/errors.ts';

export type DialectName = 'postgresql' | 'mysql' | 'mariadb';

export interface JdbcHost {
  readonly host: string;
  readonly port: number;
}

/** `encrypt`: TLS, whoever answers. `verify-ca`: with a certificate of a known authority. `verify-full`: made out to this host. */
export type TlsMode = 'off' | 'prefer' | 'encrypt' | 'verify-ca' | 'verify-full';

export interface JdbcUrl {
  readonly dialect: DialectName;
  /** Tried in order; a server that only reads is passed over where there are several. */
  readonly hosts: readonly JdbcHost[];
  readonly database: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly tls: TlsMode;
  /** Path of a PEM file with authorities. */
  readonly rootCertificate: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** PostgreSQL's search path. */
  readonly schema: string | null;
  readonly applicationName: string | null;
  readonly connectTimeoutMs: number | null;
  readonly socketTimeoutMs: number | null;
}

const DEFAULT_PORT: Readonly<Record<DialectName, number>> = { postgresql: 5432, mysql: 3306, mariadb: 3306 };
const EXAMPLE = 'jdbc:postgresql://host:5432/database, jdbc:mysql://host:3306/database or jdbc:mariadb://host/database';

/** By lower-case name. They tune Java's drivers, or ask for what is done here anyway. */
const PASSED_OVER: ReadonlySet<string> = new Set(
  [
    'reWriteBatchedInserts prepareThreshold preparedStatementCacheQueries preparedStatementCacheSizeMiB defaultRowFetchSize',
    'tcpKeepAlive stringtype autosave cleanupSavepoints binaryTransfer assumeMinServerVersion gssEncMode loggerLevel targetServerType',
    'rewriteBatchedStatements useServerPrepStmts cachePrepStmts prepStmtCacheSize prepStmtCacheSqlLimit useUnicode characterEncoding',
    'allowPublicKeyRetrieval autoReconnect serverTimezone connectionTimeZone forceConnectionTimeZoneToSession zeroDateTimeBehavior',
    'useBulkStmts useLocalSessionState elideSetAutoCommits maintainTimeStats cacheServerConfiguration useCursorFetch tcpNoDelay',
    'allowMultiQueries nullCatalogMeansCurrent useCompression',
  ]
    .join(' ')
    .toLowerCase()
    .split(' '),
);

const TLS_MODES: Readonly<Record<string, TlsMode>> = {
  disable: 'off',
  disabled: 'off',
  allow: 'prefer',
  prefer: 'prefer',
  preferred: 'prefer',
  require: 'encrypt',
  required: 'encrypt',
  trust: 'encrypt',
  'verify-ca': 'verify-ca',
  verify_ca: 'verify-ca',
  'verify-full': 'verify-full',
  verify_identity: 'verify-full',
};

export function parseJdbcUrl(url: string): JdbcUrl {
  const match = /^jdbc:(postgresql|mysql|mariadb):\/\/([^/?]*)\/([^?]*)(?:\?(.*))?$/.exec(url);
  if (match === null)
    throw new ConfigError(`"${redactUrl(url)}" is no JDBC URL that is supported here: write ${EXAMPLE}.`);
  const dialect = match[1] as DialectName;
  const [userInfo, authority] = splitUserInfo(match[2]!, url);
  const database = decoded(match[3]!, url);
  if (database.includes('@') || database.includes('/'))
    throw new ConfigError(
      `"${redactUrl(url)}": the database's name has a / or an @. In a password write / as %2F and @ as %40, or give it by withPassword().`,
    );
  if (database === '') throw new ConfigError(`"${redactUrl(url)}" names no database: write ${EXAMPLE}.`);
  const parameters = parametersOf(match[4] ?? '', url);
  const [user, password] = userInfo;
  const parsed: JdbcUrl = {
    dialect,
    hosts: authority.split(',').map((text) => hostOf(text, DEFAULT_PORT[dialect], url)),
    database,
    user: parameters.take('user') ?? user,
    password: parameters.take('password') ?? password,
    tls: tlsOf(parameters, url),
    rootCertificate: parameters.take('sslrootcert') ?? parameters.take('serversslcert'),
    certificate: parameters.take('sslcert'),
    key: parameters.take('sslkey'),
    schema: parameters.take('currentschema'),
    applicationName: parameters.take('applicationname'),
    ...timeoutsOf(parameters, dialect, url),
  };
  for (const name of parameters.rest())
    if (!PASSED_OVER.has(name.toLowerCase()))
      throw new ConfigError(
        `"${redactUrl(url)}": the parameter ${url.includes(`${name}=`) ? `"${name}"` : 'behind an & without a = (in a password write & as %26)'} is not supported. Take it out, or use what JdbcConnectionOptions offers.`,
      );
  return parsed;
}

/** Parameters, of any name, that say who or what opens something; and what follows a password with an & in it. */
const SECRET = /([?&][^=&]*(?:user|pass|pwd|secret|token|key)[^=&]*)=[^&]*(?:&[^=&]*(?=&|$))*/gi;

/** Without user and password, for messages. */
export function redactUrl(url: string): string {
  return url.replace(/\/\/[^?]*@/, '//').replace(SECRET, '$1=…');
}

/** Where it is, for descriptions and messages. */
export function describeUrl(url: JdbcUrl): string {
  return `${url.dialect}://${url.hosts.map(({ host, port }) => `${host}:${port}`).join(',')}/${url.database}`;
}

class Parameters {
  private readonly byName: Map<string, { readonly name: string; readonly value: string }>;
  constructor(byName: Map<string, { readonly name: string; readonly value: string }>) {
    this.byName = byName;
  }
  take(name: string): string | null {
    const found = this.byName.get(name);
    this.byName.delete(name);
    return found?.value ?? null;
  }
  rest(): string[] {
    return [...this.byName.values()].map(({ name }) => name);
  }
}

function parametersOf(query: string, url: string): Parameters {
  const byName = new Map<string, { name: string; value: string }>();
  for (const part of query.split('&').filter((p) => p !== '')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    byName.set(name.toLowerCase(), { name, value: at < 0 ? '' : decoded(part.slice(at + 1), url) });
  }
  return new Parameters(byName);
}

function splitUserInfo(authority: string, url: string): [[string | null, string | null], string] {
  const at = authority.lastIndexOf('@');
  if (at < 0) return [[null, null], authority];
  const info = authority.slice(0, at);
  const colon = info.indexOf(':');
  const user = decoded(colon < 0 ? info : info.slice(0, colon), url);
  return [[user, colon < 0 ? null : decoded(info.slice(colon + 1), url)], authority.slice(at + 1)];
}

function hostOf(text: string, defaultPort: number, url: string): JdbcHost {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port > 65_535)
    throw new ConfigError(`"${redactUrl(url)}": "${text}" is no host, or no host:port.`);
  const host = match[1] ?? match[2]!;
  return { host: host === '' ? 'localhost' : host, port };
}

function tlsOf(parameters: Parameters, url: string): TlsMode {
  const mode = parameters.take('sslmode');
  const flag = parameters.take('ssl') ?? parameters.take('usessl');
  if (mode === null) return flag === null || flag === 'false' ? 'off' : 'verify-full';
  const known = TLS_MODES[mode.toLowerCase()];
  if (known === undefined)
    throw new ConfigError(
      `"${redactUrl(url)}": sslmode=${mode} is not known; write disable, prefer, require, verify-ca or verify-full.`,
    );
  return known;
}

/** Seconds in PostgreSQL's URLs, milliseconds in the others'. */
function timeoutsOf(
  parameters: Parameters,
  dialect: DialectName,
  url: string,
): Pick<JdbcUrl, 'connectTimeoutMs' | 'socketTimeoutMs'> {
  const unit = dialect === 'postgresql' ? 1000 : 1;
  const read = (name: string): number | null => {
    const text = parameters.take(name);
    if (text === null) return null;
    const number = Number(text);
    if (!Number.isFinite(number) || number < 0 || text === '')
      throw new ConfigError(`"${redactUrl(url)}": ${name}=${text} is no number.`);
    return number === 0 ? null : number * unit;
  };
  return { connectTimeoutMs: read('connecttimeout'), socketTimeoutMs: read('sockettimeout') };
}

function decoded(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(
      `"${redactUrl(url)}": a % is not followed by two hexadecimal digits; write %25 for a % sign.`,
    );
  }
}
