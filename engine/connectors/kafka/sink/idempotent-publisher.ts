/** Publishes at least once: an idempotent producer, acks=all, no marker. A repeat after a lost answer or a crash writes the epoch again. */
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
  private producer: KafkaProducer | null = null;

  constructor(client: KafkaClient, ctx: SinkContext, settings: ProducerSettings) {
    this.client = client;
    this.where = `job "${ctx.job}", sink "${ctx.sink}"`;
    this.settings = settings;
    this.partitions = new TopicPartitions(client, ctx.clock, this.where);
  }

  async publish(publication: Publication): Promise<'published'> {
    try {
      const frames = new StagedFrames(publication.chunks);
      const batches = batchesOf(frames, publication, await this.partitions.of(frames.topics()));
      this.producer ??= await this.client.producer();
      const where = `${this.where}, slot ${publication.slot}`;
      await sendBatches(this.producer, batches, this.settings.compression, publication, where);
      return 'published';
    } catch (thrown) {
      // The next one begins with a producer of its own: this one's sequence numbers may have a gap.
      const { producer } = this;
      this.producer = null;
      this.partitions.forget();
      await producer?.close().catch(() => undefined);
      throw thrown;
    }
  }

  /** Nothing to fence, nothing to compare with. */
  async stamp(): Promise<void> {}

  async close(): Promise<void> {
    await this.producer?.close();
    await this.client.close();
  }
}
