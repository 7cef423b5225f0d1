/** A producer without transactions: what is sent again because its answer was lost is written once. */
import { RetryableError } from '../../../../model/errors.ts';
import { BrokerRefusal } from '../broker-errors.ts';
import { loadCodec } from '../compression.ts';
import type { Compression, KafkaProducer, ProduceBatch } from '../kafka-client.ts';
import { retrying } from '../patience.ts';
import type { Cluster } from './cluster.ts';
import { type BatchIdentity, PartitionQueue } from './partition-queue.ts';
import { produceBatches } from './produce-batches.ts';
import { partitionId } from './requests/kafka-request.ts';
import { initProducerId } from './requests/produce.ts';
import { Sequences } from './sequences.ts';

export class IdempotentProducer implements KafkaProducer {
  readonly #cluster: Cluster;
  /** Null: a send has failed, so that the broker may have seen other sequence numbers than we: the next one starts as somebody else. */
  #identity: BatchIdentity | null = null;
  readonly #sequences = new Sequences();
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Asks for a producer id, so that a wrong setting shows at once. */
  async open(): Promise<this> {
    this.#identity = await newIdentity(this.#cluster);
    return this;
  }

  async send(batches: readonly ProduceBatch[], compression: Compression): Promise<void> {
    const before = this.#sending;
    const sending = before.catch(() => {}).then(() => this.#send(batches, compression));
    this.#sending = sending;
    return sending;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #send(batches: readonly ProduceBatch[], compression: Compression): Promise<void> {
    if (this.#closed) throw new RetryableError('The Kafka producer is closed.');
    const codec = await loadCodec(compression);
    if (this.#identity === null) {
      this.#sequences.clear();
      this.#identity = await newIdentity(this.#cluster);
    }
    const identity = this.#identity;
    const queues = queuesOf(batches, this.#sequences, identity, compression, codec);
    this.#identity = null;
    await produceBatches(this.#cluster, queues, { transactionalId: null, version: 9 });
    this.#identity = identity;
    this.#sequences.advance(queues);
  }
}

/** One queue a partition, whatever the number of batches. */
export function queuesOf(
  batches: readonly ProduceBatch[],
  sequences: Sequences,
  identity: BatchIdentity,
  compression: Compression,
  codec: Awaited<ReturnType<typeof loadCodec>>,
): PartitionQueue[] {
  const byPartition = Map.groupBy(
    batches.filter(({ records }) => records.length > 0),
    ({ topic, partition }) => partitionId(topic, partition),
  );
  return [...byPartition.values()].map((group) => {
    const records = group.length === 1 ? group[0]!.records : group.flatMap((batch) => batch.records);
    return new PartitionQueue(group[0]!, records, sequences.next(group[0]!), identity, compression, codec);
  });
}

async function newIdentity(cluster: Cluster): Promise<BatchIdentity> {
  return retrying(cluster.patience('Kafka producer id', {}), async () => {
    const { controller } = await cluster.metadata([]);
    const answer = await cluster.send(controller, initProducerId(null, -1, -1, -1));
    if (answer.errorCode !== 0) throw new BrokerRefusal(answer.errorCode);
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch, transactional: false };
  });
}
