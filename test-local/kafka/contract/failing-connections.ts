/** Contract: answers get lost, connections die, with and without a word. Nothing is lost, nothing is doubled. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KafkaClient } from '../../../engine/connectors/kafka/client/kafka-client.ts';
import type { KafkaConnection } from '../../../engine/connectors/kafka/client/kafka-connection.ts';
import { RetryableError, UnknownOutcomeError } from '../../../engine/model/errors.ts';
import { API, BrokerProxy } from '../broker-proxy.ts';
import { batch, type ContractWorld } from './contract-world.ts';

const TIMEOUT_MS = 60_000;

/** Clients that reach the broker through a proxy. */
class Proxied {
  readonly #world: ContractWorld;
  proxy!: BrokerProxy;

  /** Within `describe`. */
  constructor(world: ContractWorld) {
    this.#world = world;
    beforeAll(async () => {
      this.proxy = await BrokerProxy.before(world.address);
    });
    afterEach(() => this.proxy.heal());
    afterAll(async () => {
      await this.proxy.close();
    });
  }

  open(settings: Partial<KafkaConnection> = {}): Promise<KafkaClient> {
    return this.#world.open({ bootstrapServers: [this.proxy.address], ...settings });
  }

  /** Runs `work` while so many answers get lost. How many were not lost? */
  async lose(api: number, count: number, work: () => Promise<unknown>): Promise<number> {
    this.proxy.loseAnswers(api, count);
    await work();
    return this.proxy.left(api);
  }
}

export function lostAnswersContract(w: ContractWorld): void {
  describe('lost answers', () => {
    const p = new Proxied(w);

    it('records whose acknowledgement was lost are written once', async () => {
      const client = await p.open();
      const topic = await w.topic('lost-ack', 3);
      const producer = await client.producer();
      const values = Array.from({ length: 8_000 }, (_, i) => `${i}`.padEnd(100, '.'));
      const sending = (): Promise<void> =>
        producer.send(
          [0, 1, 2].map((partition) => batch(topic, values, partition)),
          'none',
        );
      expect(await p.lose(API.produce, 3, sending)).toBe(0);
      for (const partition of [0, 1, 2]) expect(await w.read(topic, 'read_committed', partition)).toEqual(values);
    });

    it('transactions whose answers were lost are committed once', async () => {
      const client = await p.open();
      const topic = await w.topic('lost-commit');
      const group = w.name('lost-commit');
      let producer = await client.transactionalProducer(w.name('first'), TIMEOUT_MS);
      const opening = async (): Promise<void> => {
        producer = await client.transactionalProducer(w.name('lost-commit'), TIMEOUT_MS);
      };
      expect(await p.lose(API.initProducerId, 1, opening)).toBe(0);
      const offset = { topic, partition: 0, offset: 5, metadata: '' };
      for (const end of ['commit', 'abort', 'commit'] as const) {
        expect(await p.lose(API.produce, 2, () => producer.send([batch(topic, [end])], 'none'))).toBe(0);
        expect(await p.lose(API.txnOffsetCommit, 2, () => producer.sendOffsets(group, [offset]))).toBe(0);
        expect(await p.lose(API.endTxn, 2, () => producer[end]())).toBe(0);
      }
      await w.settled(topic);
      expect(await w.read(topic)).toEqual(['commit', 'commit']);
      expect(await w.client.committed(group, [offset], true)).toEqual([offset]);
    });

    it('topics whose answers were lost are there, or gone', async () => {
      const client = await p.open();
      const topic = w.name('lost-topic');
      expect(await p.lose(API.createTopics, 1, () => client.createTopic(topic, 1, 1, {}))).toBe(0);
      expect((await w.client.topics([topic])).length).toBe(1);
      expect(await p.lose(API.deleteTopics, 1, () => client.deleteTopic(topic))).toBe(0);
      await expect.poll(() => w.client.topics([topic])).toEqual([]);
    });

    it('a commit that nobody answers any more has an unknown outcome; one that never left has not', async () => {
      const topic = await w.topic('unknown');
      const client = await p.open({ retryForMs: 600 });
      const first = await client.transactionalProducer(w.name('unknown'), TIMEOUT_MS);
      await first.send([batch(topic, ['first'])], 'none');
      p.proxy.loseAnswers(API.endTxn, 1000);
      await expect(first.commit()).rejects.toThrow(UnknownOutcomeError);
      await expect(first.abort()).rejects.toThrow(UnknownOutcomeError);
      p.proxy.heal();
      const second = await client.transactionalProducer(w.name('unsent'), TIMEOUT_MS);
      await second.send([batch(topic, ['second'])], 'none');
      p.proxy.breakConnections(true);
      await expect(client.topics([topic])).rejects.toThrow(RetryableError);
      await expect(second.commit()).rejects.toThrow(RetryableError);
      expect(await w.read(topic)).toEqual(['first']);
    });
  });
}

export function deadConnectionsContract(w: ContractWorld): void {
  describe('dead connections', () => {
    const p = new Proxied(w);

    it('connections that say nothing any more are given up after the request timeout', async () => {
      const client = await p.open({ requestTimeoutMs: 300 });
      const topic = await w.topic('silent');
      const producer = await client.producer();
      await producer.send([batch(topic, ['a'])], 'none');
      p.proxy.freeze();
      await producer.send([batch(topic, ['b'])], 'none');
      p.proxy.breakConnections();
      await producer.send([batch(topic, ['c'])], 'none');
      expect(await w.read(topic)).toEqual(['a', 'b', 'c']);
    });

    it('after a long sleep connections are opened anew, before a request waits for a dead one', async () => {
      const client = await p.open({ requestTimeoutMs: 30_000 });
      const topic = await w.topic('slept');
      const producer = await client.producer();
      await producer.send([batch(topic, ['a'])], 'none');
      p.proxy.freeze();
      const awakeMs = Date.now() + 120_000;
      const clock = vi.spyOn(Date, 'now').mockReturnValue(awakeMs);
      try {
        const start = performance.now();
        await producer.send([batch(topic, ['b'])], 'none');
        expect(performance.now() - start).toBeLessThan(5_000);
      } finally {
        clock.mockRestore();
      }
      expect(await w.read(topic)).toEqual(['a', 'b']);
    });
  });
}
