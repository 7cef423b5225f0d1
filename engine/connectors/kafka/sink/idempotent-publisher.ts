/** Publishes at least once: an idempotent producer, acks=all, no marker. A repeat after a lost answer or a crash writes a slot's epoch again. */
import type { Publication, SinkContext, SinkPublisher } from '../../../ports/sink.ts';
import type { KafkaClient, KafkaProducer } from '../client/kafka-client.ts';
import type { ProducerSettings } from './producer-properties.ts';
import { batchesOf } from './publication-batches.ts';
import { StagedFrames } from './record-frames.ts';
import { sendBatches } from './send-batches.ts';
import { TopicPartitions } from './topic-partitions.ts';

export class IdempotentPublisher implements SinkPublisher {
  private readonly client: KafkaClient;
  private readonly where: string;
  private readonly settings: ProducerSettings;
  private readonly partitions: TopicPartitions;
  /** By slot: a slot that waits for its topic, for however long, does not double what the others have written. */
  private readonly published = new Map<number, string>();
  private opening: Promise<KafkaProducer> | null = null;

  constructor(client: KafkaClient, ctx: SinkContext, settings: ProducerSettings) {
    this.client = client;
    this.where = `job "${ctx.job}", sink "${ctx.sink}"`;
    this.settings = settings;
    this.partitions = new TopicPartitions(client, ctx.clock, this.where);
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { run, epoch, slot } = publication;
    const name = `${run} ${epoch}`;
    if (this.published.get(slot) === name) return 'already';
    try {
      const frames = new StagedFrames(publication.chunks);
      const batches = batchesOf(frames, publication, await this.partitions.of(frames.topics()));
      const producer = await this.producer();
      await sendBatches(producer, batches, this.settings.compression, publication, `${this.where}, slot ${slot}`);
    } catch (thrown) {
      this.partitions.forget();
      throw thrown;
    }
    this.published.set(slot, name);
    return 'published';
  }

  /** One for all slots; after a send that failed it begins anew by itself. */
  private async producer(): Promise<KafkaProducer> {
    this.opening ??= this.client.producer();
    try {
      return await this.opening;
    } catch (thrown) {
      this.opening = null;
      throw thrown;
    }
  }

  /** Nothing to fence, nothing to compare with. */
  async stamp(): Promise<void> {}

  async close(): Promise<void> {
    await (await this.opening?.catch(() => null))?.close();
    await this.client.close();
  }
}
