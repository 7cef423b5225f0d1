/**
 * Tries on the brokers themselves what an EXACTLY_ONCE sink will do: a transactional producer, records and offsets in one transaction,
 * commit, abort, a fence, and reading the marker back. In a topic of its own, which it makes and deletes, or in a given one, where it writes only what it aborts.
 */
import { ConfigError, FencedError, messageOf } from '../../../model/errors.ts';
import type { CommittedOffset, KafkaClient, ProduceBatch, TransactionalProducer } from '../client/kafka-client.ts';
import type { ProducerSettings } from './producer-properties.ts';

export interface CheckOptions {
  /** Null: a topic of the check's own. */
  readonly topic: string | null;
  readonly transactionalIdPrefix: string;
  readonly settings: ProducerSettings;
  /** Makes the names of the topic and the group unlike any other. */
  readonly word: string;
  readonly nowMs: () => number;
  readonly say: (line: string) => void;
}

/** Minutes that a marker should outlive a job that stands still. */
const SHORT_RETENTION_MINUTES = 1440;

/** Throws what the first failed step threw, after saying which it was. */
export async function checkExactlyOnce(client: KafkaClient, options: CheckOptions): Promise<void> {
  await new Check(client, options).run();
}

class Check {
  private readonly client: KafkaClient;
  private readonly options: CheckOptions;
  private readonly id: string;
  private readonly topic: string;
  private readonly producers: TransactionalProducer[] = [];

  constructor(client: KafkaClient, options: CheckOptions) {
    this.client = client;
    this.options = options;
    this.id = `${options.transactionalIdPrefix}-check-${options.word}`;
    this.topic = options.topic ?? this.id;
  }

  async run(): Promise<void> {
    const { client, options } = this;
    await this.step('reach the brokers', async () => `${(await client.topics(null)).length} topics`);
    await this.step('transaction timeout', () => this.checkTimeout());
    await this.step('how long markers live', () => this.retention());
    if (options.topic === null) await this.step(`create topic "${this.topic}"`, () => this.createTopic());
    else await this.step(`topic "${this.topic}"`, () => this.checkTopic());
    try {
      await this.transactions();
    } catch (thrown) {
      // Told as well; but what failed first is what has to be mended.
      await this.leaveNothing().catch(() => undefined);
      throw thrown;
    }
    await this.step('tidy up', () => this.tidy());
  }

  /** A transaction that is left open holds up the readers of its topic until it times out. */
  private async leaveNothing(): Promise<void> {
    for (const producer of this.producers)
      await this.step('abort what is open', () => producer.abort()).catch(() => undefined);
    await this.step('tidy up', () => this.tidy());
  }

  private async transactions(): Promise<void> {
    const { client, id } = this;
    const first = await this.opened('init a transactional producer');
    await this.step('write a record in a transaction', () =>
      first.send([this.batch()], this.options.settings.compression),
    );
    await this.step('commit a group offset in it', () => first.sendOffsets(id, [this.offset(1)]));
    await this.step('abort it', () => first.abort());
    await this.step('the aborted offset is not there', () => this.expectMarker(null));
    if (this.options.topic === null)
      await this.step('write a record in another one', () =>
        first.send([this.batch()], this.options.settings.compression),
      );
    await this.step('commit a group offset in that one', () => first.sendOffsets(id, [this.offset(2)]));
    await this.step('commit it', () => first.commit());
    await this.step('read the offset back, with requireStable', () => this.expectMarker(2));
    const second = await this.opened('fence it by another producer of the same id');
    await this.step('the first one is refused', () => this.expectFenced(first));
    await this.step('no transaction is left open', async () => {
      const open = (await client.listTransactions()).find((t) => t.transactionalId === id && t.state === 'Ongoing');
      if (open !== undefined) throw new ConfigError(`transaction ${id} is still ${open.state}`);
    });
    await first.close();
    await second.close();
  }

  private async opened(name: string): Promise<TransactionalProducer> {
    await this.step(name, async () => {
      this.producers.push(await this.client.transactionalProducer(this.id, this.options.settings.transactionTimeoutMs));
    });
    return this.producers.at(-1)!;
  }

  private async checkTimeout(): Promise<string> {
    const limit = await this.client.brokerSetting('transaction.max.timeout.ms');
    const { transactionTimeoutMs } = this.options.settings;
    if (limit !== null && transactionTimeoutMs > Number(limit))
      throw new ConfigError(
        `transaction.timeout.ms is ${transactionTimeoutMs}, and the brokers allow ${limit} (transaction.max.timeout.ms): set it lower.`,
      );
    return `${transactionTimeoutMs} ms, the brokers allow ${limit ?? 'what they do not say'}`;
  }

  private async retention(): Promise<string> {
    const minutes = await this.client.brokerSetting('offsets.retention.minutes');
    if (minutes === null) return 'the brokers do not say (offsets.retention.minutes)';
    const days = `${minutes} minutes (offsets.retention.minutes)`;
    return Number(minutes) >= SHORT_RETENTION_MINUTES
      ? days
      : `only ${days}: a job that stands still for longer is asked whether its last epoch is in Kafka`;
  }

  private async createTopic(): Promise<void> {
    await this.client.createTopic(this.topic, 1, -1, {});
  }

  private async checkTopic(): Promise<string> {
    const [topic] = await this.client.topics([this.topic]);
    if (topic === undefined) throw new ConfigError(`there is no topic "${this.topic}".`);
    return `${topic.leaders.length} partitions`;
  }

  private async expectMarker(expected: number | null): Promise<void> {
    const [found] = await this.client.committed(this.id, [{ topic: this.topic, partition: 0 }], true);
    const offset = found?.offset ?? null;
    if (offset !== expected)
      throw new ConfigError(
        `group "${this.id}" has offset ${String(offset)} instead of ${String(expected)}: these brokers do not keep transactions as Kafka does.`,
      );
  }

  private async expectFenced(producer: TransactionalProducer): Promise<void> {
    try {
      await producer.sendOffsets(this.id, [this.offset(3)]);
      await producer.commit();
    } catch (thrown) {
      if (thrown instanceof FencedError) return;
      throw thrown;
    }
    throw new ConfigError('a producer that was fenced could still commit: these brokers do not fence as Kafka does.');
  }

  private async tidy(): Promise<string> {
    await this.client.deleteGroup(this.id);
    if (this.options.topic === null) await this.client.deleteTopic(this.topic);
    return this.options.topic === null ? 'topic and group deleted' : 'group deleted';
  }

  private batch(): ProduceBatch {
    const value = Buffer.from('millrace check kafka');
    return {
      topic: this.topic,
      partition: 0,
      records: [{ timestamp: Math.floor(this.options.nowMs()), key: null, value, headers: [] }],
    };
  }

  private offset(offset: number): CommittedOffset {
    return { topic: this.topic, partition: 0, offset, metadata: 'millrace check kafka' };
  }

  private async step(name: string, run: () => Promise<string | void>): Promise<void> {
    const startMs = this.options.nowMs();
    try {
      const detail = await run();
      const took = Math.round(this.options.nowMs() - startMs);
      this.options.say(`ok      ${name}${typeof detail === 'string' ? `: ${detail}` : ''}  (${took} ms)`);
    } catch (thrown) {
      this.options.say(`FAILED  ${name}: ${messageOf(thrown)}`);
      throw thrown;
    }
  }
}
