/** Connections of kafkajs: sockets, TLS, SASL and its renewal, request timeouts, throttling. Its cluster, retries, requests and logger are not used. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { Kafka, logLevel, type ISocketFactoryArgs, type KafkaConfig } from 'kafkajs';
import { invariant } from '../../../../model/errors.ts';
import type { KafkaConnection, KafkaTls } from '../kafka-connection.ts';
import type { Address, Envelope, OpenTransport, Transport } from '../protocol/transport.ts';
import type { TokenCache } from '../token-cache.ts';
import { connectionPools, firstConnection, type KafkajsConnection } from './kafkajs-internals.ts';
import { kafkajsSasl } from './kafkajs-sasl.ts';

const API_VERSIONS = 18;
/** Sessions of limited life are renewed so long before their end. kafkajs' default of 10 s renews short sessions with each request. */
const RENEWED_BEFORE_END_MS = 1_000;
const KEEP_ALIVE_AFTER_MS = 60_000;
/** What kafkajs needs to know of the broker: SaslHandshake v1, SaslAuthenticate v1; brokers have had them since 2.2. */
const SASL_VERSIONS = { 17: { minVersion: 0, maxVersion: 1 }, 36: { minVersion: 0, maxVersion: 1 } };
/** An empty tag section: the end of request header 2, which kafkajs does not write, and the beginning of answer header 1. */
const NO_TAGS = 0;

export function openKafkajsTransport(connection: KafkaConnection, tokens: TokenCache | null): OpenTransport {
  const pools = connectionPools(new Kafka(kafkajsConfig(connection, tokens)));
  return async ({ host, port }: Address) => {
    const kafkajs = firstConnection(await pools.build({ host, port, rack: null }));
    withoutIdleTimers(kafkajs);
    await kafkajs.connect();
    try {
      kafkajs.setVersions(SASL_VERSIONS);
      kafkajs.setSupportAuthenticationProtocol(true);
      await kafkajs.authenticate();
    } catch (error) {
      await kafkajs.disconnect();
      throw error;
    }
    return new KafkajsTransport(kafkajs);
  };
}

class KafkajsTransport implements Transport {
  readonly #connection: KafkajsConnection;
  /** kafkajs keeps a connection on which a request timed out, and what had come of its answer. */
  #broken = false;

  constructor(connection: KafkajsConnection) {
    this.#connection = connection;
  }

  isOpen(): boolean {
    return !this.#broken && this.#connection.isConnected();
  }

  async exchange({ name, key, version }: Envelope, body: Buffer): Promise<Buffer> {
    const payload = Buffer.allocUnsafe(body.length + 1);
    payload.writeUInt8(NO_TAGS, 0);
    payload.set(body, 1);
    try {
      return await this.#connection.send({
        request: {
          apiKey: key,
          apiVersion: version,
          apiName: name,
          encode: async () => ({ buf: payload, buffer: payload }),
        },
        response: {
          decode: async (bytes) => ({ bytes: key === API_VERSIONS ? bytes : behindTags(bytes) }),
          parse: async (decoded) => decoded.bytes,
        },
      });
    } catch (error) {
      this.#broken = true;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#connection.disconnect();
  }
}

/**
 * After each answer kafkajs 2.2.4 sets a timer for requests held back, with a negative delay where there are none; it sets the next one, and so on,
 * once a millisecond for ever, and Node warns of it. Here only held-back requests have one.
 */
function withoutIdleTimers({ requestQueue }: KafkajsConnection): void {
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule();
  };
}

function behindTags(bytes: Buffer): Buffer {
  invariant(bytes[0] === NO_TAGS, 'an answer header has no tagged fields');
  return bytes.subarray(1);
}

function kafkajsConfig(connection: KafkaConnection, tokens: TokenCache | null): KafkaConfig {
  const { bootstrapServers, clientId, tls, sasl, connectTimeoutMs, requestTimeoutMs } = connection;
  return {
    brokers: [...bootstrapServers],
    clientId,
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    reauthenticationThreshold: RENEWED_BEFORE_END_MS,
    logLevel: logLevel.NOTHING,
    socketFactory: openSocket,
    ...(tls !== null && { ssl: tlsOptions(tls) }),
    ...(sasl !== null && { sasl: kafkajsSasl(sasl, tokens) }),
  };
}

/** As kafkajs does it, but without Nagle's delay: a request's last piece does not wait for the acknowledgement of the one before. */
function openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  // kafkajs gives null where its types say options.
  const tls: ConnectionOptions | null = ssl;
  const socket =
    tls === null
      ? connect({ host, port }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls }, onConnect);
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
}

function tlsOptions({ ca, cert, key, verify, verifyHostname }: KafkaTls): ConnectionOptions {
  return {
    rejectUnauthorized: verify,
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    ...(!verifyHostname && { checkServerIdentity: () => undefined }),
  };
}
