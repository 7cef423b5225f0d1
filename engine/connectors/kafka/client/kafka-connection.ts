/** How to reach a cluster: what every client library is configured from. */
export interface KafkaConnection {
  /** `host:port`, one or more. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  /** Which library carries the requests. */
  readonly client: KafkaClientLibrary;
  /** Null: plain text. */
  readonly tls: KafkaTls | null;
  readonly sasl: KafkaSasl | null;
  readonly connectTimeoutMs: number;
  /** One request. */
  readonly requestTimeoutMs: number;
  /** Transient errors are tried again for so long. */
  readonly retryForMs: number;
}

export type KafkaClientLibrary = 'platformatic' | 'kafkajs';

export interface KafkaTls {
  /** PEM. Null: the authorities that Node trusts. */
  readonly ca: string | null;
  /** PEM: the client's own certificate, where brokers ask for one. */
  readonly cert: string | null;
  readonly key: string | null;
  /** False accepts any certificate: for tests only. */
  readonly verify: boolean;
  /** False accepts a trusted certificate that was made out to another host (`ssl.endpoint.identification.algorithm=`). */
  readonly verifyHostname: boolean;
}

export type KafkaSasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      /** Asked again before a token has run out, and after the broker refused one. */
      readonly token: () => Promise<BearerToken>;
    };

export interface BearerToken {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}
