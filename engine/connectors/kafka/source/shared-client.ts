/** One client for several users: opened for the first, closed when the last has let go. */
import type { KafkaClient } from '../client/kafka-client.ts';

export class SharedClient {
  readonly #open: () => Promise<KafkaClient>;
  #client: Promise<KafkaClient> | null = null;
  #users = 0;

  constructor(open: () => Promise<KafkaClient>) {
    this.#open = open;
  }

  /** Stays open until `release`. */
  async acquire(): Promise<KafkaClient> {
    this.#users++;
    this.#client ??= this.#open();
    try {
      return await this.#client;
    } catch (thrown) {
      await this.release();
      throw thrown;
    }
  }

  async release(): Promise<void> {
    if (--this.#users > 0) return;
    const client = this.#client;
    this.#client = null;
    const opened = await client?.catch(() => null);
    await opened?.close();
  }

  async use<T>(work: (client: KafkaClient) => Promise<T>): Promise<T> {
    const client = await this.acquire();
    try {
      return await work(client);
    } finally {
      await this.release();
    }
  }
}
