/** What a topic shows under read_committed, whatever the order. */
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { RecordDecoder } from '../../engine/connectors/kafka/client/record-batch-decoder.ts';
import { valueOf } from '../../engine/connectors/kafka/client/record-columns.ts';
import { Checksum } from '../orders/checksum.ts';
import { PARTITIONS } from './order-records.ts';

const FETCH = { maxBytes: 4 * 1024 * 1024, maxWaitMs: 100, isolation: 'read_committed' } as const;
/** A transaction that was left open would hold the end back for ever. */
const PATIENCE_MS = 60_000;

export async function topicChecksum(client: KafkaClient, topic: string): Promise<string> {
  const checksum = new Checksum();
  const untilMs = Date.now() + PATIENCE_MS;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [end] = await client.offsets([{ topic, partition }], 'latest', 'read_uncommitted');
    const decoder = new RecordDecoder({ topic, partition });
    for (let from = 0; from < end!;) {
      const [answer] = await client.fetch([{ topic, partition, from }], FETCH);
      if (Date.now() > untilMs)
        throw new Error(`the last stable offset of ${topic}-${partition} does not reach its end`);
      if (answer?.kind !== 'records') throw new Error(`partition ${partition} of ${topic} is ${answer?.kind}`);
      const columns = await decoder.decode(answer.records, from);
      for (let row = 0; row < columns.n; row++)
        checksum.add(Buffer.from(valueOf(columns, row) ?? new Uint8Array()).toString());
      from = columns.nextOffset;
    }
  }
  return checksum.text();
}
