/** Fetches that brokers do not answer at once. */
import { expect, it } from 'vitest';
import { RecordDecoder } from '../record-batch-decoder.ts';
import { FakeCluster, TOPIC } from './fake-cluster-fixture.ts';
import { ProtocolClient } from './protocol-client.ts';

it('what a quota holds back is asked for again when the broker listens again, however long that takes', async () => {
  const cluster = new FakeCluster(1, [1]);
  const client = new ProtocolClient(
    {
      bootstrapServers: ['broker:1'],
      clientId: 'test',
      client: 'platformatic',
      tls: null,
      sasl: null,
      connectTimeoutMs: 1000,
      requestTimeoutMs: 1000,
      retryForMs: 0,
    },
    cluster.access,
  );
  const record = { timestamp: 0, key: null, value: Buffer.from('a'), headers: [] };
  await (await client.producer()).send([{ topic: TOPIC, partition: 0, records: [record] }], 'none');
  cluster.throttlesMs.push(30, 20);
  const startMs = performance.now();
  const [answer] = await client.fetch([{ topic: TOPIC, partition: 0, from: 0 }], {
    maxBytes: 1000,
    maxWaitMs: 0,
    isolation: 'read_committed',
  });
  if (answer?.kind !== 'records') throw new Error(answer?.kind);
  expect((await new RecordDecoder({}).decode(answer.records, 0)).n).toBe(1);
  expect(performance.now() - startMs).toBeGreaterThan(45);
  expect(cluster.requests.filter((request) => request === 'Fetch@1')).toHaveLength(3);
});
