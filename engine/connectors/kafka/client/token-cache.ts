/**
 * One bearer token for all connections of a client: asked for again when four fifths of its life have passed (as Java's clients do), or after a
 * broker refused it. Those who ask at the same time share one request; a request that failed is not remembered.
 */
import { messageOf, MillraceError, RetryableError } from '../../../model/errors.ts';
import type { BearerToken, KafkaConnection } from './kafka-connection.ts';

const REUSED_SHARE_OF_LIFE = 0.8;

export class TokenCache {
  readonly #ask: () => Promise<BearerToken>;
  #current: Promise<BearerToken> | null = null;
  #renewAtMs = 0;

  constructor(ask: () => Promise<BearerToken>) {
    this.#ask = ask;
  }

  get(): Promise<BearerToken> {
    if (this.#current === null || Date.now() >= this.#renewAtMs) this.#current = this.#renewed();
    return this.#current;
  }

  /** The broker refused the token: the next `get` asks for another. */
  refused(): void {
    this.#current = null;
  }

  #renewed(): Promise<BearerToken> {
    const asked = (async () => this.#ask())();
    const askedAtMs = Date.now();
    this.#renewAtMs = Infinity;
    const settled = asked.then(
      (token) => {
        if (this.#current === settled)
          this.#renewAtMs = askedAtMs + (token.expiresAtMs - askedAtMs) * REUSED_SHARE_OF_LIFE;
        return token;
      },
      (error: unknown) => {
        if (this.#current === settled) this.#current = null;
        if (error instanceof MillraceError) throw error;
        throw new RetryableError(`No bearer token could be had: ${messageOf(error)}`, {}, error);
      },
    );
    return settled;
  }
}

/** Null without OAUTHBEARER. */
export function tokenCacheOf({ sasl }: KafkaConnection): TokenCache | null {
  return sasl?.mechanism === 'OAUTHBEARER' ? new TokenCache(sasl.token) : null;
}
