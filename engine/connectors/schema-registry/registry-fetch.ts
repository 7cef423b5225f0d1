/** What sends requests to a schema registry: the platform's `fetch`, one with certificates, or one of the user's. */

/** PEM texts. */
export interface RegistryTls {
  /** Authorities to trust, instead of those that Node trusts. */
  readonly ca?: string;
  /** The client's own certificate and its key, where the registry asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** False accepts any certificate: for tests only. */
  readonly verify?: boolean;
}

export type RegistryFetch = (url: string, request: RegistryRequest) => Promise<RegistryResponse>;

export interface RegistryRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** An AbortSignal. */
  readonly signal: object;
}

export interface RegistryResponse {
  readonly status: number;
  text(): Promise<string>;
}
