/** Sends a publication's batches, and says which record it was where a topic finds one too large. */
import { ConfigError, messageOf, MillraceError } from '../../../model/errors.ts';
import type { Publication } from '../../../ports/sink.ts';
import type { Compression, KafkaProducer } from '../client/kafka-client.ts';
import type { PlacedBatch } from './publication-batches.ts';

export async function sendBatches(
  producer: KafkaProducer,
  batches: readonly PlacedBatch[],
  compression: Compression,
  { run, epoch }: Publication,
  where: string,
): Promise<void> {
  try {
    await producer.send(batches, compression);
  } catch (thrown) {
    if (!isTooLarge(thrown)) throw thrown;
    const { topic, partition, largest } = largestOf(batches, thrown);
    throw new ConfigError(
      `${where}, epoch ${epoch} of run ${run}: record ${largest.index} of the epoch, ${largest.bytes} bytes, is larger than topic "${topic}" takes (partition ${partition}). Raise the topic's max.message.bytes (and the brokers' replica.fetch.max.bytes) and start the job again: the epoch is committed, and its publication goes on. Set max.request.size below it, so that such records are refused before an epoch commits.`,
      { topic, partition, record: largest.index, bytes: largest.bytes },
      thrown,
    );
  }
}

/** However a client library words it. */
const isTooLarge = (thrown: unknown): boolean =>
  thrown instanceof MillraceError &&
  /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE|record of \d+ bytes is larger/.test(messageOf(thrown));

function largestOf(batches: readonly PlacedBatch[], thrown: unknown): PlacedBatch {
  const at = thrown instanceof MillraceError ? thrown.at : {};
  const named = batches.filter((batch) => batch.topic === at['topic'] && batch.partition === at['partition']);
  return (named.length > 0 ? named : batches).reduce((a, b) => (b.largest.bytes > a.largest.bytes ? b : a));
}
