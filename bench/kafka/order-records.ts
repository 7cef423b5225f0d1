/** The benchmark's input: orders as JSON of 200 bytes each, a thousand customers, ten milliseconds of event time apart. */
import type { KafkaClient, NewKafkaRecord } from '../../engine/connectors/kafka/client/kafka-client.ts';

export const PARTITIONS = 4;
export const RECORD_BYTES = 200;
const CUSTOMERS = 1000;
const FIRST_EVENT_MS = Date.UTC(2026, 0, 1);
const EVENT_STEP_MS = 10;
const BATCH_RECORDS = 40_000;
/** Records in a row for one partition. */
const STICKY_RECORDS = 500;

/** Every fourth order is not completed. Amounts and customers in no order, the same in every run. */
export function orderRecord(n: number): NewKafkaRecord {
  const mixed = Math.imul(n + 1, 0x9e37_79b1) >>> 0;
  const head = `{"order_id":"o-${String(n).padStart(9, '0')}","customer_id":"c-${String(mixed % CUSTOMERS).padStart(4, '0')}","amount_cents":${100 + (mixed % 9_900)},"status":"${n % 4 === 3 ? 'CANCELLED' : 'COMPLETED'}","event_ts":${FIRST_EVENT_MS + n * EVENT_STEP_MS},"note":"`;
  const value = Buffer.from(`${head.padEnd(RECORD_BYTES - 2, 'x')}"}`, 'latin1');
  return { timestamp: Date.now(), key: null, value, headers: [] };
}

export async function createTopic(
  client: KafkaClient,
  topic: string,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  // Results have the event times of their windows, which are old: nothing is deleted for that.
  await client.createTopic(topic, PARTITIONS, 1, { 'retention.ms': '-1', ...configs });
}

/** Orders 0 to `records`, partition after partition. */
export async function fillTopic(client: KafkaClient, topic: string, records: number): Promise<void> {
  await createTopic(client, topic);
  const producer = await client.producer();
  for (let from = 0; from < records; from += BATCH_RECORDS)
    await producer.send(batchesOf(topic, from, Math.min(from + BATCH_RECORDS, records)), 'none');
  await producer.close();
}

export function batchesOf(
  topic: string,
  from: number,
  to: number,
): { topic: string; partition: number; records: NewKafkaRecord[] }[] {
  const batches = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic,
    partition,
    records: [] as NewKafkaRecord[],
  }));
  for (let n = from; n < to; n++) batches[Math.floor(n / STICKY_RECORDS) % PARTITIONS]!.records.push(orderRecord(n));
  return batches.filter(({ records }) => records.length > 0);
}
