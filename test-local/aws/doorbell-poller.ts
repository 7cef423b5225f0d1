/**
 * Stands for Lambda's Kafka event sources, which LocalStack does not have: watches the ends of topics and invokes the doorbell when they have grown, in
 * AWS's event shape. The records in it have no bytes, because the doorbell looks at none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { DoorbellAnswer } from '../../engine/aws/index.ts';
import type { Deployment } from './deployment.ts';

/** As in https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html. */
export interface KafkaEvent {
  readonly eventSource: 'aws:kafka' | 'SelfManagedKafka';
  readonly bootstrapServers: string;
  readonly records: Readonly<
    Record<string, readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]>
  >;
}

export interface DoorbellPollerOptions {
  readonly deployment: Deployment;
  readonly kafka: KafkaClient;
  readonly bootstrapServers: string;
  readonly topics: readonly string[];
  readonly everyMs: number;
}

const MAX_RECORDS = 100;

export class DoorbellPoller {
  readonly #options: DoorbellPollerOptions;
  readonly #ends = new Map<string, number>();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  readonly answers: DoorbellAnswer[] = [];

  private constructor(options: DoorbellPollerOptions) {
    this.#options = options;
  }

  /** What is in the topics already rings no bell (`startingPosition: LATEST`). */
  static async start(options: DoorbellPollerOptions): Promise<DoorbellPoller> {
    const poller = new DoorbellPoller(options);
    await poller.#grown();
    poller.#running = poller.#run();
    return poller;
  }

  /** Throws what the doorbell has thrown. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { deployment, bootstrapServers, everyMs } = this.#options;
    while (!this.#stopped) {
      const records = await this.#grown();
      if (Object.keys(records).length > 0) {
        const event: KafkaEvent = { eventSource: 'SelfManagedKafka', bootstrapServers, records };
        this.answers.push(await deployment.invoke<DoorbellAnswer>(deployment.nameOf('doorbell'), event));
      }
      await sleep(everyMs);
    }
  }

  /** By `topic-partition`, what has come since the last look. */
  async #grown(): Promise<KafkaEvent['records']> {
    const { kafka, topics } = this.#options;
    const found = await kafka.topics(topics);
    const partitions = found.flatMap(({ name, leaders }) =>
      leaders.map((_, partition) => ({ topic: name, partition })),
    );
    const ends = await kafka.offsets(partitions, 'latest', 'read_committed');
    const grown: [string, KafkaEvent['records'][string]][] = [];
    for (const [i, { topic, partition }] of partitions.entries()) {
      const key = `${topic}-${partition}`;
      const [from, to] = [this.#ends.get(key) ?? ends[i]!, ends[i]!];
      this.#ends.set(key, to);
      const records = Array.from({ length: Math.min(MAX_RECORDS, to - from) }, (_, n) => ({
        topic,
        partition,
        offset: from + n,
      }));
      if (records.length > 0) grown.push([key, records]);
    }
    return Object.fromEntries(grown);
  }
}
