/** Connections of @platformatic/kafka: sockets, TLS, SASL and its renewal, request timeouts. Its requests, retries and caches are not used. */
import { isIP } from 'node:net';
import { Connection, Writer, type ConnectionOptions, type SASLOptions } from '@platformatic/kafka';
import type { KafkaConnection, KafkaSasl, KafkaTls } from '../kafka-connection.ts';
import type { Address, Envelope, OpenTransport, Transport } from '../protocol/transport.ts';
import type { TokenCache } from '../token-cache.ts';

/** Requests that wait for their answers on one connection; the client itself holds back long before. */
const MAX_IN_FLIGHT = 64;
const API_VERSIONS = 18;

export function openPlatformaticTransport(settings: KafkaConnection, tokens: TokenCache | null): OpenTransport {
  const options = connectionOptions(settings, tokens);
  return async ({ host, port }: Address) => {
    const connection = new Connection(settings.clientId, { ...options, tlsServerName: isIP(host) === 0 });
    const transport = new PlatformaticTransport(connection);
    try {
      await connection.connect(host, port);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return transport;
  };
}

class PlatformaticTransport implements Transport {
  readonly #connection: Connection;
  /** Requests under way only hear that the connection is closed, not why. */
  #reason: Error | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.on('error', (error: Error) => {
      this.#reason = error;
    });
  }

  isOpen(): boolean {
    return this.#connection.isConnected() || this.#connection.status === 'reauthenticating';
  }

  async exchange({ key, version }: Envelope, body: Buffer): Promise<Buffer> {
    if (this.#connection.status === 'reauthenticating') await this.#connection.ready();
    return new Promise((resolve, reject) => {
      this.#connection.send<Buffer>(
        key,
        version,
        () => Writer.create().append(body),
        (_correlation, _key, _version, r) => r.buffer.slice(r.position, r.length),
        true,
        key !== API_VERSIONS,
        (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(this.#reason ?? error ?? new Error('no answer'));
        },
      );
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

function connectionOptions(settings: KafkaConnection, tokens: TokenCache | null): ConnectionOptions {
  const { tls, sasl, connectTimeoutMs, requestTimeoutMs } = settings;
  return {
    connectTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    maxInflights: MAX_IN_FLIGHT,
    ...(tls !== null && { tls: tlsOptions(tls) }),
    ...(sasl !== null && { sasl: saslOptions(sasl, tokens) }),
  };
}

function tlsOptions({ ca, cert, key, verify, verifyHostname }: KafkaTls): NonNullable<ConnectionOptions['tls']> {
  return {
    rejectUnauthorized: verify,
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    ...(!verifyHostname && { checkServerIdentity: () => undefined }),
  };
}

function saslOptions(sasl: KafkaSasl, tokens: TokenCache | null): SASLOptions {
  if (sasl.mechanism === 'OAUTHBEARER')
    return {
      mechanism: sasl.mechanism,
      token: async () => (await tokens!.get()).token,
    };
  const { mechanism, username, password } = sasl;
  return { mechanism, username, password };
}
