/**
 * A Java or Flink program's Kafka client properties → how this connector reaches the cluster.
 *
 * | read here | to |
 * |---|---|
 * | `bootstrap.servers`, `client.id` | addresses, name in the brokers' logs and quotas |
 * | `security.protocol`, `ssl.*` | TLS: PEM only |
 * | `sasl.mechanism`, `sasl.jaas.config`, `sasl.oauthbearer.*`, `aws.region` | PLAIN, SCRAM, OAUTHBEARER, MSK IAM |
 * | `socket.connection.setup.timeout.ms`, `request.timeout.ms` | one connection attempt, one request |
 * | `default.api.timeout.ms`, `delivery.timeout.ms` | how long transient errors are tried again (the longer of the two) |
 *
 * Wrong values are ConfigErrors that name the property. What has no effect here is named in `withoutEffect`, so that it can be told.
 */
import { DEFAULT_KAFKA_CLIENT } from './client/open-kafka-client.ts';
import type { BearerToken, KafkaClientLibrary, KafkaConnection } from './client/kafka-connection.ts';
import { badProperty, PropertyReader, type KafkaProperties } from './connection/property-reader.ts';
import { saslOf } from './connection/sasl-properties.ts';
import { tlsOf } from './connection/tls-properties.ts';

export interface ConnectionSettings {
  readonly client?: KafkaClientLibrary;
  /** For `client.id` where the properties have none. */
  readonly clientId?: string;
  /** A source of OAUTHBEARER tokens in the program itself. */
  readonly token?: () => Promise<BearerToken>;
  /** Properties that the source or the sink reads itself. */
  readonly readElsewhere?: Iterable<string>;
  /** Of the process: `process.env` by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface ConnectionOfProperties {
  readonly connection: KafkaConnection;
  /** Names, sorted. */
  readonly withoutEffect: readonly string[];
}

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const RETRY_FOR_MS = 60_000;

export function connectionOfProperties(
  properties: KafkaProperties,
  settings: ConnectionSettings = {},
): ConnectionOfProperties {
  const reader = new PropertyReader(properties);
  const bootstrapServers = serversOf(reader);
  const protocol = reader.oneOf('security.protocol', PROTOCOLS, 'PLAINTEXT');
  const around = { token: settings.token ?? null, bootstrapServers, environment: settings.environment ?? process.env };
  if (around.token !== null && !protocol.startsWith('SASL_'))
    throw badProperty(
      'security.protocol',
      `is ${protocol}, but a function that gives tokens was set: it needs SASL_SSL`,
    );
  const connection: KafkaConnection = {
    bootstrapServers,
    clientId: reader.nonEmpty('client.id') ?? settings.clientId ?? 'millrace',
    client: settings.client ?? DEFAULT_KAFKA_CLIENT,
    tls: protocol === 'SSL' || protocol === 'SASL_SSL' ? tlsOf(reader) : null,
    sasl: protocol.startsWith('SASL_') ? saslOf(reader, around) : null,
    connectTimeoutMs: positive(reader, 'socket.connection.setup.timeout.ms', CONNECT_TIMEOUT_MS),
    requestTimeoutMs: positive(reader, 'request.timeout.ms', REQUEST_TIMEOUT_MS),
    retryForMs: retryTime(reader),
  };
  reader.understood(settings.readElsewhere ?? []);
  return { connection, withoutEffect: reader.leftOver() };
}

/** What to tell the user; null where every property has an effect. */
export function withoutEffectNotice(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  return `Kafka ${names.length === 1 ? 'property' : 'properties'} without effect here: ${names.join(', ')}.`;
}

function serversOf(reader: PropertyReader): readonly string[] {
  const servers = reader.required('bootstrap.servers', 'for example "broker-1:9092,broker-2:9092"').split(',');
  return servers
    .map((server) => server.trim())
    .filter((server) => server !== '')
    .map(checkedServer);
}

/** `host:port`, `[IPv6]:port`; a listener's prefix (`PLAINTEXT://`) is taken off. */
function checkedServer(server: string): string {
  const bare = server.replace(/^[A-Za-z_]+:\/\//, '');
  const [, port] = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(bare) ?? [];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw badProperty('bootstrap.servers', `must be a list of host:port, but holds "${server}"`);
  return bare;
}

function positive(reader: PropertyReader, name: string, otherwise: number): number {
  const value = reader.milliseconds(name) ?? otherwise;
  if (value === 0) throw badProperty(name, 'must be more than 0');
  return value;
}

function retryTime(reader: PropertyReader): number {
  const given = ['default.api.timeout.ms', 'delivery.timeout.ms']
    .map((name) => reader.milliseconds(name))
    .filter((value) => value !== null);
  return given.length === 0 ? RETRY_FOR_MS : Math.max(...given);
}
