/**
 * What a topic shows to a client that has nothing of ours in it: kafkajs' consumer, read_committed. It first appends a record of its own to each
 * partition, and reads until it sees them all: so a transaction left open, which holds the last stable offset back, is found as well.
 */
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type IHeaders } from 'kafkajs';
import { mendKafkajs } from './kafkajs-aborted.ts';

export interface ReadRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

const PATIENCE_MS = 60_000;
const END = 'millrace-test-end-';

function kafkaJs(bootstrapServers: string): Kafka {
  return new Kafka({ clientId: 'independent', brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING });
}

/** In order by partition. A group may hand a record out twice, so each offset counts once. */
export async function readCommitted(bootstrapServers: string, topic: string): Promise<readonly ReadRecord[]> {
  mendKafkajs();
  const kafka = kafkaJs(bootstrapServers);
  const mark = `${END}${randomUUID()}`;
  const partitions = await appendEnds(kafka, topic, mark);
  const consumer = kafka.consumer({ groupId: mark, readUncommitted: false, maxWaitTimeInMs: 100 });
  const records = new Map<string, ReadRecord>();
  const ends = new Set<number>();
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const missing = () => Array.from({ length: partitions }, (_, p) => p).filter((p) => !ends.has(p));
      const timer = setTimeout(() => {
        reject(
          new Error(`the last stable offset of ${topic}, partitions ${missing().join(', ')}, does not reach the end`),
        );
      }, PATIENCE_MS);
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      void consumer
        .run({
          eachMessage: async ({ partition, message }) => {
            const key = message.key?.toString() ?? null;
            if (key === mark) ends.add(partition);
            else if (key?.startsWith(END) !== true)
              records.set(`${partition} ${message.offset}`, {
                partition,
                key,
                value: message.value?.toString() ?? null,
                headers: textHeaders(message.headers ?? {}),
                timestamp: Number(message.timestamp),
              });
            if (missing().length > 0) return;
            clearTimeout(timer);
            resolve();
          },
        })
        .catch(reject);
    });
    return [...records.values()].toSorted((a, b) => a.partition - b.partition);
  } finally {
    await consumer.disconnect();
  }
}

async function appendEnds(kafka: Kafka, topic: string, mark: string): Promise<number> {
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
    const messages = found!.partitions.map(({ partitionId }) => ({ partition: partitionId, key: mark, value: null }));
    await producer.send({ topic, messages });
    return messages.length;
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

const textHeaders = (headers: IHeaders): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
