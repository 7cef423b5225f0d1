/** `KafkaClient` over any library's connections: requests, batches and retries are ours. */
import { BrokerRefusal } from '../broker-errors.ts';
import type {
  CommittedOffset,
  FetchAnswer,
  FetchOptions,
  FetchRequest,
  Isolation,
  KafkaClient,
  KafkaProducer,
  OffsetSpec,
  TopicMetadata,
  TopicPartition,
  TransactionalProducer,
  TransactionListing,
} from '../kafka-client.ts';
import type { KafkaConnection } from '../kafka-connection.ts';
import { retrying } from '../patience.ts';
import type { Access } from './broker-connection.ts';
import { Cluster } from './cluster.ts';
import { GroupOffsets } from './group-offsets.ts';
import { IdempotentProducer } from './idempotent-producer.ts';
import { LogReads } from './read-logs.ts';
import { listTransactions } from './requests/transactions.ts';
import { TopicChanges } from './topic-changes.ts';
import { OpenTransactionalProducer } from './transactional-producer.ts';

export class ProtocolClient implements KafkaClient {
  readonly #cluster: Cluster;
  readonly #topics: TopicChanges;
  readonly #logs: LogReads;
  readonly #groups: GroupOffsets;

  constructor(connection: KafkaConnection, access: Access) {
    this.#cluster = new Cluster(connection, access);
    this.#topics = new TopicChanges(this.#cluster);
    this.#logs = new LogReads(this.#cluster);
    this.#groups = new GroupOffsets(this.#cluster);
  }

  topics(names: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    return this.#topics.list(names);
  }
  createTopic(
    name: string,
    partitions: number,
    replicationFactor: number,
    configs: Readonly<Record<string, string>>,
  ): Promise<'created' | 'exists'> {
    return this.#topics.create({ name, partitions, replicationFactor, configs });
  }
  deleteTopic(name: string): Promise<void> {
    return this.#topics.delete(name);
  }
  createPartitions(topic: string, total: number): Promise<void> {
    return this.#topics.enlarge(topic, total);
  }
  brokerSetting(name: string): Promise<string | null> {
    return this.#topics.brokerSetting(name);
  }

  offsets(partitions: readonly TopicPartition[], at: OffsetSpec, isolation: Isolation): Promise<readonly number[]> {
    return this.#logs.offsets(partitions, at, isolation);
  }
  fetch(requests: readonly FetchRequest[], options: FetchOptions): Promise<readonly FetchAnswer[]> {
    return this.#logs.fetch(requests, options);
  }

  committed(
    group: string,
    partitions: readonly TopicPartition[],
    requireStable: boolean,
  ): Promise<readonly (CommittedOffset | null)[]> {
    return this.#groups.committed(group, partitions, requireStable);
  }
  commitOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    return this.#groups.commit(group, offsets);
  }
  deleteGroup(group: string): Promise<void> {
    return this.#groups.delete(group);
  }

  producer(): Promise<KafkaProducer> {
    return new IdempotentProducer(this.#cluster).open();
  }
  transactionalProducer(transactionalId: string, transactionTimeoutMs: number): Promise<TransactionalProducer> {
    return new OpenTransactionalProducer(this.#cluster, transactionalId, transactionTimeoutMs).open();
  }
  async listTransactions(): Promise<readonly TransactionListing[]> {
    return retrying(this.#cluster.patience('Kafka transactions', {}), async () => {
      const { nodes } = await this.#cluster.metadata([]);
      const lists = await Promise.all(nodes.map(({ id }) => this.#cluster.send(id, listTransactions())));
      return lists.flatMap(({ errorCode, transactions }) => {
        if (errorCode !== 0) throw new BrokerRefusal(errorCode);
        return transactions;
      });
    });
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }
}
