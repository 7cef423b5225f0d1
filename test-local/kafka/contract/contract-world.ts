/** What the cases of the client contract share: the server's address, clients of the library under test, topics of their own, short forms. */
import { afterAll, beforeAll, vi } from 'vitest';
import type {
  FetchAnswer,
  Isolation,
  KafkaClient,
  NewKafkaRecord,
  ProduceBatch,
  TopicPartition,
} from '../../../engine/connectors/kafka/client/kafka-client.ts';
import type { KafkaClientLibrary, KafkaConnection } from '../../../engine/connectors/kafka/client/kafka-connection.ts';
import { RecordDecoder } from '../../../engine/connectors/kafka/client/record-batch-decoder.ts';
import { valueOf } from '../../../engine/connectors/kafka/client/record-columns.ts';
import { type ServerName, useServer } from '../../servers/index.ts';

export type OpenClient = (connection: KafkaConnection) => KafkaClient | Promise<KafkaClient>;

export interface Library {
  readonly name: KafkaClientLibrary;
  readonly open: OpenClient;
}

/** Records are old enough for no clock to mind, and young enough for no log to roll or expire. */
const NOW_MS = Date.now() - 60_000;

export class ContractWorld {
  readonly library: Library;
  address = '';
  client!: KafkaClient;
  readonly #server: ServerName;
  readonly #clients: KafkaClient[] = [];
  #names = 0;

  /** Within `describe`: the server is there, and a client open, before the first test. */
  constructor(library: Library, server: ServerName) {
    this.library = library;
    this.#server = server;
    beforeAll(async () => {
      this.address = (await useServer(server)).settings['bootstrapServers']!;
      this.client = await this.open();
    });
    afterAll(async () => {
      await Promise.all(this.#clients.map((client) => client.close()));
    });
  }

  /** Closed at the end. */
  async open(settings: Partial<KafkaConnection> = {}): Promise<KafkaClient> {
    const client = await this.library.open(connectionTo(this.address, this.library.name, settings));
    this.#clients.push(client);
    return client;
  }

  name(what: string): string {
    return `contract-${this.library.name}-${this.#server}-${process.pid}-${what}-${this.#names++}`;
  }

  async topic(what: string, partitions = 1, configs: Record<string, string> = {}): Promise<string> {
    const name = this.name(what);
    await this.client.createTopic(name, partitions, 1, configs);
    return name;
  }

  /** Values, read from `from` to the end that the isolation shows. */
  async read(topic: string, isolation: Isolation = 'read_committed', partition = 0, from = 0): Promise<string[]> {
    const decoder = new RecordDecoder({ topic, partition });
    const [end] = await this.client.offsets([{ topic, partition }], 'latest', isolation);
    const values: string[] = [];
    for (let next = from; next < end!;) {
      const answer = await this.fetchOne({ topic, partition }, next, isolation);
      const columns = await decoder.decode(answer.records, next);
      for (let row = 0; row < columns.n; row++) values.push(Buffer.from(valueOf(columns, row)!).toString());
      next = columns.nextOffset;
    }
    return values;
  }

  async fetchOne(
    { topic, partition }: TopicPartition,
    from: number,
    isolation: Isolation = 'read_committed',
  ): Promise<FetchAnswer & { kind: 'records' }> {
    const [answer] = await this.client.fetch([{ topic, partition, from }], {
      maxBytes: 1024 * 1024,
      maxWaitMs: 100,
      isolation,
    });
    if (answer?.kind !== 'records') throw new Error(`not records but ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Until what was committed or aborted shows: EndTxn answers before the markers are written. */
  async settled(topic: string, partition = 0): Promise<void> {
    const at = [{ topic, partition }];
    const unsettled = async (): Promise<void> => {
      const [stable] = await this.client.offsets(at, 'latest', 'read_committed');
      const [end] = await this.client.offsets(at, 'latest', 'read_uncommitted');
      if (stable !== end) throw new Error(`the last stable offset of ${topic} is ${stable}, the end ${end}`);
    };
    await vi.waitFor(unsettled, { timeout: 10_000, interval: 20 });
  }
}

export function connectionTo(
  address: string,
  client: KafkaClientLibrary,
  settings: Partial<KafkaConnection> = {},
): KafkaConnection {
  return {
    bootstrapServers: [address],
    clientId: 'millrace-contract',
    client,
    tls: null,
    sasl: null,
    connectTimeoutMs: 2_000,
    requestTimeoutMs: 10_000,
    retryForMs: 20_000,
    ...settings,
  };
}

export function record(value: string, more: Partial<NewKafkaRecord> = {}): NewKafkaRecord {
  return { timestamp: NOW_MS, key: null, value: Buffer.from(value), headers: [], ...more };
}

export function batch(topic: string, values: readonly string[], partition = 0): ProduceBatch {
  return { topic, partition, records: values.map((value) => record(value)) };
}
