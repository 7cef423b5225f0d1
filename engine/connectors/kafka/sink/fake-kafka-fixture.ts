/**
 * A Kafka cluster in memory as far as a sink sees one: topics, transactions with fencing, group offsets inside them. Every call of a client
 * is two steps, before it takes effect and after, at which a test may end the process, fail the call or let others act.
 */
import { FencedError, RetryableError } from '../../../model/errors.ts';
import type {
  CommittedOffset,
  KafkaClient,
  KafkaProducer,
  NewKafkaRecord,
  ProduceBatch,
  TransactionalProducer,
} from '../client/kafka-client.ts';

export interface FakeRecord extends NewKafkaRecord {
  readonly topic: string;
  readonly partition: number;
}

interface Transaction {
  readonly records: FakeRecord[];
  readonly offsets: (CommittedOffset & { readonly group: string })[];
}

interface Id {
  epoch: number;
  open: Transaction | null;
}

export type OnStep = (step: string) => Promise<void>;

export class FakeKafka {
  readonly topics = new Map<string, number>();
  readonly visible: FakeRecord[] = [];
  readonly offsets = new Map<string, CommittedOffset>();
  readonly settings = new Map<string, string>([['transaction.max.timeout.ms', '900000']]);
  readonly sent: ProduceBatch[] = [];
  maxMessageBytes = Number.POSITIVE_INFINITY;
  private readonly ids = new Map<string, Id>();

  open(): readonly string[] {
    return [...this.ids].filter(([, { open }]) => open !== null).map(([id]) => id);
  }

  fences(id: string): number {
    return this.ids.get(id)?.epoch ?? 0;
  }

  client(onStep: OnStep = async () => undefined): KafkaClient {
    const call = async <R>(name: string, act: () => R): Promise<R> => {
      await onStep(`before ${name}`);
      const answer = act();
      await onStep(`after ${name}`);
      return answer;
    };
    const unused = async (): Promise<never> => {
      throw new Error('not part of the fake');
    };
    return {
      topics: (names) =>
        call('topics', () =>
          [...this.topics]
            .filter(([name]) => names === null || names.includes(name))
            .map(([name, n]) => ({ name, internal: false, leaders: Array.from({ length: n }, () => 0) })),
        ),
      committed: (group, partitions) =>
        call('read the marker', () =>
          partitions.map(({ topic, partition }) => this.offsets.get(`${group}/${topic}/${partition}`) ?? null),
        ),
      brokerSetting: async (name) => this.settings.get(name) ?? null,
      producer: async () => this.plainProducer(call),
      transactionalProducer: (id) => call('fence', () => this.transactional(id, call)),
      listTransactions: async () =>
        this.open().map((transactionalId) => ({ transactionalId, producerId: 0, state: 'Ongoing' })),
      close: async () => undefined,
      createTopic: unused,
      deleteTopic: unused,
      createPartitions: unused,
      offsets: unused,
      fetch: unused,
      commitOffsets: unused,
      deleteGroup: unused,
    };
  }

  private plainProducer(call: <R>(name: string, act: () => R) => Promise<R>): KafkaProducer {
    return {
      send: (batches) => call('send', () => void this.visible.push(...this.recordsOf(batches))),
      close: async () => undefined,
    };
  }

  private transactional(name: string, call: <R>(name: string, act: () => R) => Promise<R>): TransactionalProducer {
    const id = this.ids.get(name) ?? { epoch: 0, open: null };
    this.ids.set(name, id);
    id.open = null;
    let epoch = ++id.epoch;
    const transaction = (): Transaction => {
      if (id.epoch !== epoch) throw new FencedError(`${name} was fenced`);
      return (id.open ??= { records: [], offsets: [] });
    };
    return {
      send: (batches) => call('send', () => void transaction().records.push(...this.recordsOf(batches))),
      sendOffsets: (group, offsets) =>
        call('write the marker', () => void transaction().offsets.push(...offsets.map((o) => ({ ...o, group })))),
      commit: () =>
        call('commit', () => {
          const { records, offsets } = transaction();
          this.visible.push(...records);
          for (const offset of offsets) this.offsets.set(`${offset.group}/${offset.topic}/${offset.partition}`, offset);
          id.open = null;
          epoch = ++id.epoch;
        }),
      abort: () =>
        call('abort', () => {
          if (id.epoch === epoch) id.open = null;
        }),
      close: async () => undefined,
    };
  }

  private recordsOf(batches: readonly ProduceBatch[]): FakeRecord[] {
    this.sent.push(...batches);
    for (const { topic, partition, records } of batches) {
      if (partition >= (this.topics.get(topic) ?? 0)) throw new RetryableError(`UNKNOWN_TOPIC_OR_PARTITION ${topic}`);
      const size = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      if (size > this.maxMessageBytes)
        throw new RetryableError('MESSAGE_TOO_LARGE', { topic, partition, error: 'MESSAGE_TOO_LARGE' });
    }
    return batches.flatMap(({ topic, partition, records }) =>
      records.map((record) => ({ ...record, topic, partition })),
    );
  }
}
