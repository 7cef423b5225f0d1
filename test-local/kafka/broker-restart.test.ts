/** A broker that is killed and comes back, with both client libraries: what was under way goes on, once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { KafkaClientLibrary } from '../../engine/connectors/kafka/client/kafka-connection.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { RecordDecoder } from '../../engine/connectors/kafka/client/record-batch-decoder.ts';
import { valueOf } from '../../engine/connectors/kafka/client/record-columns.ts';
import { startOwn, type OwnServer } from '../servers/index.ts';
import { batch, connectionTo } from './contract/contract-world.ts';

const LIBRARIES: readonly KafkaClientLibrary[] = ['platformatic', 'kafkajs'];
const SENDS = 30;

let server: OwnServer;
let clients: readonly KafkaClient[] = [];

beforeAll(async () => {
  server = await startOwn('kafka');
  const address = server.settings['bootstrapServers']!;
  const patient = { retryForMs: 60_000, requestTimeoutMs: 5_000 };
  clients = await Promise.all(LIBRARIES.map((library) => openKafkaClient(connectionTo(address, library, patient))));
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

async function contentOf(client: KafkaClient, topic: string): Promise<string[]> {
  const at = { topic, partition: 0 };
  const [end] = await client.offsets([at], 'latest', 'read_uncommitted');
  const decoder = new RecordDecoder(at);
  const values: string[] = [];
  for (let from = 0; from < end!;) {
    const [answer] = await client.fetch([{ ...at, from }], {
      maxBytes: 100_000,
      maxWaitMs: 500,
      isolation: 'read_committed',
    });
    if (answer?.kind !== 'records') throw new Error(JSON.stringify(answer));
    const columns = await decoder.decode(answer.records, from);
    for (let row = 0; row < columns.n; row++) values.push(Buffer.from(valueOf(columns, row)!).toString());
    from = columns.nextOffset;
  }
  return values;
}

describe('a broker that is killed', () => {
  test('in the middle of sends, transactions and fetches', async () => {
    const values = Array.from({ length: SENDS }, (_, i) => `${i}`);
    const work = clients.map(async (client, i) => {
      const [plain, committed] = [`plain-${i}`, `committed-${i}`];
      await client.createTopic(plain, 1, 1, {});
      await client.createTopic(committed, 1, 1, {});
      const producer = await client.producer();
      const transactions = await client.transactionalProducer(`restart-${i}`, 60_000);
      const series = async (act: (value: string) => Promise<void>): Promise<void> => {
        for (const value of values) {
          await act(value);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      await Promise.all([
        series((value) => producer.send([batch(plain, [value])], 'none')),
        series(async (value) => {
          await transactions.send([batch(committed, [value])], 'none');
          await transactions.sendOffsets(`group-${i}`, [
            { topic: committed, partition: 0, offset: Number(value), metadata: '' },
          ]);
          await transactions.commit();
        }),
        series(async () => void (await contentOf(client, plain))),
      ]);
      const at = { topic: committed, partition: 0 };
      return {
        plain: await contentOf(client, plain),
        committed: await contentOf(client, committed),
        offset: (await client.committed(`group-${i}`, [at], true))[0]?.offset,
      };
    });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.restart();
    for (const outcome of await Promise.all(work))
      expect(outcome).toEqual({ plain: values, committed: values, offset: SENDS - 1 });
  });
});
