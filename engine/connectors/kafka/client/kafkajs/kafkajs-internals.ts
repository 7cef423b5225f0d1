/**
 * The parts of kafkajs that its public interface does not offer: a connection to one broker that carries any request. Looked for by name when a client
 * is opened, so that another version of the library is refused with a clear error instead of failing somewhere later.
 */
import { ConfigError } from '../../../../model/errors.ts';

/** `src/network/connection.js` */
export interface KafkajsConnection {
  readonly requestQueue: KafkajsRequestQueue;
  isConnected(): boolean;
  connect(): Promise<unknown>;
  /** By API key: kafkajs chooses its versions for SASL from them. */
  setVersions(versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>>): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
  authenticate(): Promise<unknown>;
  send<D extends object, T>(exchange: KafkajsExchange<D, T>): Promise<T>;
  disconnect(): Promise<unknown>;
}

/** `src/network/requestQueue/index.js` */
export interface KafkajsRequestQueue {
  readonly pending: readonly unknown[];
  /** Sets a timer, which sets the next … */
  scheduleCheckPendingRequests: () => void;
}

/** `clientSideThrottleTime`, where `decode` gives one, holds back the next requests. */
export interface KafkajsExchange<D extends object, T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<KafkajsEncoder>;
  };
  readonly response: { decode(bytes: Buffer): Promise<D>; parse(decoded: D): Promise<T> };
}

/** What kafkajs takes for its Encoder when it copies a payload behind the header. */
export interface KafkajsEncoder {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

/** `src/cluster/connectionPoolBuilder.js`; a pool's connection 0 is for all requests but Fetch, which is nothing to us: we ask for it directly. */
export interface KafkajsPoolBuilder {
  build(address: { host: string; port: number; rack: null }): Promise<{ readonly pool: readonly KafkajsConnection[] }>;
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';

/** `kafka` is an instance of kafkajs' class Kafka. */
export function connectionPools(kafka: object): KafkajsPoolBuilder {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  const createCluster: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol);
  if (typeof createCluster !== 'function') throw unknownVersion(CREATE_CLUSTER);
  const cluster: unknown = Reflect.apply(createCluster, kafka, [{ metadataMaxAge: 0, allowAutoTopicCreation: false }]);
  const builder: unknown = isObject(cluster) ? cluster['connectionPoolBuilder'] : undefined;
  if (!isPoolBuilder(builder)) throw unknownVersion('Cluster.connectionPoolBuilder');
  return builder;
}

/** The connection that a new pool holds, checked. */
export function firstConnection(pool: { readonly pool: readonly unknown[] }): KafkajsConnection {
  const connection: unknown = isObject(pool) && Array.isArray(pool.pool) ? pool.pool[0] : undefined;
  if (!isConnection(connection)) throw unknownVersion('ConnectionPool.pool');
  return connection;
}

const CONNECTION_METHODS: readonly (keyof KafkajsConnection)[] = [
  'isConnected',
  'connect',
  'setVersions',
  'setSupportAuthenticationProtocol',
  'authenticate',
  'send',
  'disconnect',
];

function isConnection(value: unknown): value is KafkajsConnection {
  return (
    isObject(value) &&
    CONNECTION_METHODS.every((method) => typeof value[method] === 'function') &&
    isRequestQueue(value['requestQueue'])
  );
}

function isRequestQueue(value: unknown): value is KafkajsRequestQueue {
  return (
    isObject(value) && Array.isArray(value['pending']) && typeof value['scheduleCheckPendingRequests'] === 'function'
  );
}

function isPoolBuilder(value: unknown): value is KafkajsPoolBuilder {
  return isObject(value) && typeof value['build'] === 'function';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function unknownVersion(missing: string): ConfigError {
  return new ConfigError(
    `The installed kafkajs lacks "${missing}", which the client 'kafkajs' stands on. Install kafkajs 2.2.4, or choose the client 'platformatic'.`,
  );
}
