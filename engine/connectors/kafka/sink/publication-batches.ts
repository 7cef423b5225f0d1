/**
 * Staged records by partition, each partition's in order. A record with a key lies where every Kafka client puts it; records without one
 * change partition every so many records, in an order that slot and epoch decide, so that a repeat writes the same.
 */
import { RetryableError } from '../../../model/errors.ts';
import type { NewKafkaRecord, ProduceBatch } from '../client/kafka-client.ts';
import { partitionOfKey } from './murmur2.ts';
import type { StagedFrames } from './record-frames.ts';

/** Keyless records in a row for one partition. */
const STICKY_RECORDS = 1000;

/** What goes to one partition. */
export interface PlacedBatch extends ProduceBatch {
  /** Index in the publication, and size, of the largest record. */
  readonly largest: { readonly index: number; readonly bytes: number };
}

interface OpenBatch extends PlacedBatch {
  readonly records: NewKafkaRecord[];
  readonly largest: { index: number; bytes: number };
}

/** `partitionsOf` answers a topic's number of partitions, or throws. */
export function batchesOf(
  frames: StagedFrames,
  { epoch, slot }: { readonly epoch: number; readonly slot: number },
  partitionsOf: (topic: string) => number,
): readonly PlacedBatch[] {
  const topics = new Map<string, readonly OpenBatch[]>();
  let index = 0;
  frames.each(({ topic, partition, record, bytes }) => {
    let batches = topics.get(topic);
    if (batches === undefined) topics.set(topic, (batches = openBatches(topic, partitionsOf(topic))));
    const count = batches.length;
    const target =
      partition >= 0
        ? partition
        : record.key !== null
          ? partitionOfKey(record.key, count)
          : (slot + epoch + Math.floor(index / STICKY_RECORDS)) % count;
    const batch = batches[target];
    if (batch === undefined)
      throw new RetryableError(
        `a record asks for partition ${target} of topic "${topic}", which has ${count}: it had more when the record was written. Add partitions to the topic; publishing goes on then.`,
        { topic, partition: target },
      );
    batch.records.push(record);
    const { largest } = batch;
    if (bytes > largest.bytes) {
      largest.bytes = bytes;
      largest.index = index;
    }
    index++;
  });
  return [...topics.values()].flat().filter(({ records }) => records.length > 0);
}

const openBatches = (topic: string, count: number): readonly OpenBatch[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition, records: [], largest: { index: 0, bytes: 0 } }));
