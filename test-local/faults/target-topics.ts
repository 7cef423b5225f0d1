/** The input and output topics of a trial, by kafkajs: nothing of ours writes the input or looks at the output. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { DEFAULT_SINK_SLOTS } from '../../engine/model/limits.ts';
import { readCommitted } from '../kafka/independent-reader.ts';
import { openClient } from '../kafka/sink-trial.ts';
import { chunkOf, PARTITIONS, textOf, type Total } from './job-input.ts';

const ENDING_MS = 20_000;
const POLL_MS = 50;

export interface MarkerSeen {
  readonly slot: number;
  readonly run: string;
  readonly epoch: number;
}

export class TargetTopics {
  readonly bootstrapServers: string;
  readonly input: string;
  readonly output: string;
  readonly prefix: string;
  readonly #kafka: Kafka;

  constructor(bootstrapServers: string, word: string) {
    this.bootstrapServers = bootstrapServers;
    this.input = `rows-${word}`;
    this.output = `totals-${word}`;
    this.prefix = `faults-${word}`;
    this.#kafka = new Kafka({
      clientId: 'faults',
      brokers: bootstrapServers.split(','),
      logLevel: logLevel.NOTHING,
      retry: { retries: 30, maxRetryTime: 2000 },
    });
  }

  async create(): Promise<void> {
    await this.withOurs(async (client) => {
      for (const topic of [this.input, this.output]) await client.createTopic(topic, PARTITIONS, 1, {});
    });
  }

  /** A chunk of each partition. */
  async append(chunk: number): Promise<void> {
    const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    try {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const messages = chunkOf(partition, chunk).map((row) => ({ partition, value: JSON.stringify(row) }));
        await producer.send({ topic: this.input, acks: -1, messages });
      }
    } finally {
      await producer.disconnect();
    }
  }

  /** What a read_committed consumer sees, as JSON, sorted; throws where a transaction holds it up. */
  async totals(): Promise<readonly string[]> {
    const records = await readCommitted(this.bootstrapServers, this.output);
    return records.map(({ value }) => textOf(JSON.parse(value!) as Total)).toSorted();
  }

  /** Of the sink's slots that have one. */
  async markers(): Promise<readonly MarkerSeen[]> {
    return await this.#asAdmin(async (admin) => {
      const seen: MarkerSeen[] = [];
      for (let slot = 0; slot < DEFAULT_SINK_SLOTS; slot++) {
        const groupId = `${this.prefix}-${slot}`;
        const [found] = await admin.fetchOffsets({ groupId, topics: [this.output] });
        const metadata = found?.partitions.find(({ partition }) => partition === 0)?.metadata;
        if (metadata == null || metadata === '') continue;
        const { run, epoch } = JSON.parse(metadata) as Omit<MarkerSeen, 'slot'>;
        seen.push({ slot, run, epoch });
      }
      return seen;
    });
  }

  /** As somebody does who tidies up groups without members. */
  async deleteMarkers(): Promise<void> {
    const groups = (await this.markers()).map(({ slot }) => `${this.prefix}-${slot}`);
    await this.#asAdmin(async (admin) => void (await admin.deleteGroups(groups)));
  }

  /** Transactional ids of the job that have a transaction, by the coordinators' word. One that is being ended is waited for. */
  async openTransactions(): Promise<readonly string[]> {
    return await this.withOurs(async (client) => {
      for (const endMs = performance.now() + ENDING_MS; ; await sleep(POLL_MS)) {
        const own = (await client.listTransactions()).filter(({ transactionalId: id }) => id.startsWith(this.prefix));
        const open = own.filter(({ state }) => state === 'Ongoing' || state.startsWith('Prepare'));
        if (open.every(({ state }) => state === 'Ongoing') || performance.now() > endMs)
          return open.map(({ transactionalId, state }) => `${transactionalId} ${state}`);
      }
    });
  }

  /** Partitions of the output whose last stable offset is not their end. */
  async unstable(): Promise<readonly string[]> {
    const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: this.output, partition }));
    return await this.withOurs(async (client) => {
      const stable = await client.offsets(all, 'latest', 'read_committed');
      const ends = await client.offsets(all, 'latest', 'read_uncommitted');
      return all.flatMap(({ topic, partition }) =>
        stable[partition] === ends[partition]
          ? []
          : [`${topic}-${partition}: stable to ${stable[partition]} of ${ends[partition]}`],
      );
    });
  }

  /** Our client asks what kafkajs cannot. */
  async withOurs<R>(use: (client: KafkaClient) => Promise<R>): Promise<R> {
    const client = await openClient(this.bootstrapServers);
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }

  async #asAdmin<R>(use: (admin: ReturnType<Kafka['admin']>) => Promise<R>): Promise<R> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
