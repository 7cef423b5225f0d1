/** For tests of the Kafka source: topics and records on a real server, and jobs whose state outlives their processes. */
import { Kafka, logLevel } from 'kafkajs';
import type { Compression, KafkaClient, NewKafkaRecord } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { KafkaClientLibrary } from '../../engine/connectors/kafka/client/kafka-connection.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import type { EmbeddedOptions, EmbeddedResult } from '../../engine/embedded/executor.ts';
import { InMemoryJob, type BuildJob } from '../../engine/testing/in-memory-job.ts';

export async function clientOf(servers: string, library: KafkaClientLibrary = 'platformatic'): Promise<KafkaClient> {
  return await openKafkaClient(
    connectionOfProperties({ 'bootstrap.servers': servers }, { client: library, clientId: 'test' }).connection,
  );
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Values alone, or more of the records. */
export type Records = readonly (string | Partial<NewKafkaRecord>)[];

export const recordsOf = (records: Records, firstMs = 1000): NewKafkaRecord[] =>
  records.map((record, i) => ({
    timestamp: firstMs + i,
    key: null,
    value: null,
    headers: [],
    ...(typeof record === 'string' ? { value: bytes(record) } : record),
  }));

export async function send(
  client: KafkaClient,
  topic: string,
  partition: number,
  records: Records,
  { firstMs = 1000, compression = 'none' }: { firstMs?: number; compression?: Compression } = {},
): Promise<void> {
  const producer = await client.producer();
  await producer.send([{ topic, partition, records: recordsOf(records, firstMs) }], compression);
  await producer.close();
}

/** The log's start moves up to `offset`, as retention moves it. */
export async function truncate(servers: string, topic: string, partition: number, offset: number): Promise<void> {
  const admin = new Kafka({ brokers: [servers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.fetchTopicOffsets(topic); // loads the topic's leaders
  await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  await admin.disconnect();
}

export interface Running {
  readonly result: Promise<EmbeddedResult>;
  stop(): Promise<EmbeddedResult>;
}

/** A job of short epochs. Each `start` is another process of it. */
export class KafkaJob {
  readonly job: InMemoryJob;
  readonly notices: string[] = [];

  constructor(build: BuildJob) {
    this.job = new InMemoryJob(build, new SystemClock(), { settings: { epochMs: 50 } });
  }

  values(sink = 'out'): unknown[] {
    return this.job.rows(sink).map(({ value }) => value);
  }

  start(options: EmbeddedOptions = {}): Running {
    const stop = new AbortController();
    const result = this.job.execute({
      ...options,
      stop: stop.signal,
      onNotice: (text) => void this.notices.push(text),
    });
    result.catch(() => undefined);
    return {
      result,
      stop: async () => {
        stop.abort();
        return await result;
      },
    };
  }

  async run(options: EmbeddedOptions = {}): Promise<EmbeddedResult> {
    return await this.start(options).result;
  }
}

let topics = 0;

/** A name that no other test has. */
export function newTopic(what: string): string {
  return `source-${what}-${process.pid}-${Date.now()}-${topics++}`;
}
