/** Sending while leaders move and brokers die: nothing lost, nothing doubled, the order kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryableError } from '../../../../model/errors.ts';
import type { KafkaConnection } from '../kafka-connection.ts';
import { RecordDecoder } from '../record-batch-decoder.ts';
import { valueOf } from '../record-columns.ts';
import { FakeCluster, sequenceOf, TOPIC } from './fake-cluster-fixture.ts';
import { ProtocolClient } from './protocol-client.ts';

const CONNECTION: KafkaConnection = {
  bootstrapServers: ['broker:1', 'broker:2', 'broker:3'],
  clientId: 'test',
  client: 'platformatic',
  tls: null,
  sasl: null,
  connectTimeoutMs: 1000,
  requestTimeoutMs: 1000,
  retryForMs: 2000,
};
const record = (value: string): { timestamp: number; key: null; value: Uint8Array; headers: [] } => ({
  timestamp: 0,
  key: null,
  value: Buffer.from(value),
  headers: [],
});

async function contentOf(cluster: FakeCluster, partition: number): Promise<string[]> {
  const values: string[] = [];
  for (const bytes of cluster.logs[partition]!) {
    const columns = await new RecordDecoder({}).decode({ bytes, aborted: null }, 0);
    for (let row = 0; row < columns.n; row++) values.push(Buffer.from(valueOf(columns, row)!).toString());
  }
  return values;
}

describe('leader changes', () => {
  it('a batch that its leader refuses goes to the new one, with the same sequence number', async () => {
    const cluster = new FakeCluster(2, [1]);
    const producer = await new ProtocolClient(CONNECTION, cluster.access).producer();
    await producer.send([{ topic: TOPIC, partition: 0, records: [record('a'), record('b')] }], 'none');
    cluster.leaders[0] = 2;
    await producer.send([{ topic: TOPIC, partition: 0, records: [record('c')] }], 'none');
    expect(cluster.requests.filter((request) => request.startsWith('Produce'))).toEqual([
      'Produce@1',
      'Produce@1',
      'Produce@2',
    ]);
    expect(cluster.logs[0]!.map(sequenceOf)).toEqual([0, 2]);
    expect(await contentOf(cluster, 0)).toEqual(['a', 'b', 'c']);
  });

  it('a partition without a leader is waited for, and given up', async () => {
    const cluster = new FakeCluster(1, [1]);
    const producer = await new ProtocolClient({ ...CONNECTION, retryForMs: 50 }, cluster.access).producer();
    cluster.leaders[0] = -1;
    const failed = producer.send([{ topic: TOPIC, partition: 0, records: [record('a')] }], 'none');
    await expect(failed).rejects.toThrow(RetryableError);
    await expect(failed).rejects.toThrow(/orders-0: the broker answers LEADER_NOT_AVAILABLE/u);
    cluster.leaders[0] = 1;
    await producer.send([{ topic: TOPIC, partition: 0, records: [record('b')] }], 'none');
    expect(await contentOf(cluster, 0)).toEqual(['b']);
  });

  it('whatever moves and dies while records are sent', async () => {
    const anyFate = fc.record({
      kind: fc.constantFrom('nothing', 'move', 'die', 'lose'),
      partition: fc.nat({ max: 2 }),
      node: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyFate, { maxLength: 10 }), async (fates) => {
        const cluster = new FakeCluster(3, [1, 2, 3]);
        const producer = await new ProtocolClient(CONNECTION, cluster.access).producer();
        for (const { kind, partition, node } of fates)
          cluster.fates.push(() => {
            cluster.down.clear();
            if (kind === 'move') cluster.leaders[partition] = node;
            if (kind === 'die') {
              cluster.down.add(node);
              for (const [p, leader] of cluster.leaders.entries())
                if (leader === node) cluster.leaders[p] = (node % 3) + 1;
            }
            return kind === 'lose' ? 'lose' : 'answer';
          });
        const sent = ['0', '1', '2', '3'];
        await Promise.all(
          sent.map((value) =>
            producer.send(
              [0, 1, 2].map((partition) => ({ topic: TOPIC, partition, records: [record(value)] })),
              'none',
            ),
          ),
        );
        for (const partition of [0, 1, 2]) expect(await contentOf(cluster, partition)).toEqual(sent);
      }),
      { numRuns: 60 },
    );
  });
});
