/**
 * One connection to one broker: opened by the first request, checked (the broker must speak our versions), opened anew after it was lost. A
 * connection that was idle for long is not trusted: where a process sleeps (AWS Lambda) or a gateway forgets, it may be dead with nobody having
 * said so, and a request would wait for its whole timeout.
 */
import { ConfigError, InvariantError, messageOf, RetryableError } from '../../../../model/errors.ts';
import { BrokerRefusal } from '../broker-errors.ts';
import type { TokenCache } from '../token-cache.ts';
import { connectFailure, credentialsRefused } from './connect-failure.ts';
import { apiVersions, type BrokerFeatures } from './requests/api-versions.ts';
import type { KafkaRequest } from './requests/kafka-request.ts';
import type { Address, OpenTransport, Transport } from './transport.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const LONGEST_IDLE_MS = 30_000;
/** A library may take a refused token for accepted (@platformatic/kafka 2.12.1): the first request finds out. */
const ILLEGAL_SASL_STATE = 34;

/** How a library reaches brokers. */
export interface Access {
  readonly open: OpenTransport;
  /** Null without OAUTHBEARER. */
  readonly tokens: TokenCache | null;
}

interface Open {
  readonly transport: Transport;
  readonly features: BrokerFeatures;
}

export class BrokerConnection {
  readonly #address: Address;
  readonly #access: Access;
  #open: Promise<Open> | null = null;
  #inFlight = 0;
  #lastUsedMs = 0;
  #closed = false;

  constructor(address: Address, access: Access) {
    this.#address = address;
    this.#access = access;
  }

  async features(): Promise<BrokerFeatures> {
    return (await this.#ready()).features;
  }

  /** Throws ConnectionLost when there is no answer. */
  async send<A>(request: KafkaRequest<A>): Promise<A> {
    const { transport, features } = await this.#ready();
    this.#checkVersion(request, features);
    this.#inFlight++;
    try {
      return await this.#exchange(transport, request);
    } catch (thrown) {
      throw connectFailure(thrown, this.#name, request.name);
    } finally {
      this.#inFlight--;
      this.#lastUsedMs = Date.now();
    }
  }

  /** For good: a request that finds its connection lost meanwhile opens no other, which nobody would close. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const settled = await open.catch(() => null);
    await settled?.transport.close();
  }

  async #ready(): Promise<Open> {
    if (this.#closed) throw new RetryableError(`${this.#name}: the connection is closed.`);
    if (this.#open !== null && this.#inFlight === 0 && Date.now() - this.#lastUsedMs > LONGEST_IDLE_MS) {
      const idle = this.#open;
      this.#open = null;
      void idle.then(async ({ transport }) => transport.close()).catch(() => {});
    }
    const opening = (this.#open ??= this.#connect());
    try {
      const open = await opening;
      if (open.transport.isOpen()) return open;
    } catch (thrown) {
      if (this.#open === opening) this.#open = null;
      throw thrown;
    }
    if (this.#open === opening) this.#open = null;
    return this.#ready();
  }

  /** A token may be refused because the broker's keys or rights changed: one that is new is tried once. */
  async #connect(): Promise<Open> {
    this.#lastUsedMs = Date.now();
    const { tokens } = this.#access;
    try {
      return await this.#connectOnce();
    } catch (thrown) {
      if (tokens === null || !credentialsRefused(thrown)) throw connectFailure(thrown, this.#name);
      tokens.refused();
    }
    try {
      return await this.#connectOnce();
    } catch (thrown) {
      tokens.refused();
      throw connectFailure(thrown, this.#name);
    }
  }

  async #connectOnce(): Promise<Open> {
    const transport = await this.#access.open(this.#address);
    try {
      const { errorCode, features } = await this.#exchange(transport, apiVersions());
      if (errorCode === ILLEGAL_SASL_STATE) throw new Error('SASL authentication did not succeed');
      if (errorCode !== 0) throw new BrokerRefusal(errorCode);
      return { transport, features };
    } catch (thrown) {
      await transport.close();
      throw thrown;
    }
  }

  async #exchange<A>(transport: Transport, request: KafkaRequest<A>): Promise<A> {
    const body = this.#translated(request, () => {
      const w = new WireWriter();
      request.write(w);
      return w.bytes;
    });
    const answer = await transport.exchange(request, body);
    return this.#translated(request, () => request.read(new WireReader(answer)));
  }

  #translated<T>(request: KafkaRequest<unknown>, work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      const what = `${this.#name}: ${request.name} cannot be written or read: ${messageOf(thrown)}`;
      throw thrown instanceof ConfigError ? thrown : new InvariantError(what, {}, thrown);
    }
  }

  #checkVersion({ name, key, version }: KafkaRequest<unknown>, { versions }: BrokerFeatures): void {
    const [min, max] = versions.get(key) ?? [0, -1];
    if (version >= min && version <= max) return;
    throw new ConfigError(
      `${this.#name} has ${name} ${max < 0 ? 'not at all' : `in versions ${min} to ${max}`}, and version ${version} is needed: Kafka 2.8 or later (3.0 or later to list transactions).`,
      { broker: this.#name, request: name },
    );
  }

  get #name(): string {
    return `Kafka broker ${this.#address.host}:${this.#address.port}`;
  }
}
