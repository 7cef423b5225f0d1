/** The real servers that tests and `npm run local` start on this machine, and what is known of one that runs. */
export const SERVER_NAMES = ['kafka', 'kafka-3.9', 'postgres', 'mariadb', 'schema-registry', 'localstack'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** Where to reach it, by name: `bootstrapServers`; `url`, `user`, `password`; see test-local/README.md. */
export type Settings = Readonly<Record<string, string>>;

export interface RunningServer {
  readonly name: ServerName;
  readonly settings: Settings;
}

export interface ServerOptions {
  /** Kafka: lines of server.properties. PostgreSQL and MariaDB: server variables. They win over ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /**
   * Kafka: further listeners, by name, with their security protocol: `{ SASL: 'SASL_PLAINTEXT' }`. Each gets a port of its own;
   * `settings['bootstrapServers.SASL']` is its address. What the listener needs (mechanisms, JAAS, key stores) goes into `properties`.
   */
  readonly listeners?: Readonly<Record<string, 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'>>;
  /** Kafka: SCRAM credentials that exist from the first start: `SCRAM-SHA-256=[name=alice,password=secret]`. */
  readonly scram?: readonly string[];
  /** Kafka: half the CPU time until it is ready, but code that is never fully optimised. Tests have it so; measurements set it to false. */
  readonly quickStart?: boolean;
}

/** The server cannot run here; the message names what is missing and how to get it, or what its log said. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
}
