/**
 * What the protocol half asks of a client library: one authenticated connection to one broker that carries requests as bytes. Everything else
 * (requests, leaders, retries, producers) is the same whichever library carries it.
 */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Envelope {
  /** As in the protocol's documentation. */
  readonly name: string;
  readonly key: number;
  /** A flexible version: request header 2, answer header 1 (ApiVersions: 0). */
  readonly version: number;
}

export interface Transport {
  /** False: it was lost, open another. */
  isOpen(): boolean;
  /** The answer's bytes behind its header. Throws whatever the library throws; requests may be sent before the last is answered. */
  exchange(envelope: Envelope, body: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** Opens and authenticates a connection; sessions that a broker limits (`connections.max.reauth.ms`) are renewed by the library. */
export type OpenTransport = (address: Address) => Promise<Transport>;
