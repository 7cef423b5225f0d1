/** What a sink asks of the cluster before the first plan. Cheap: `millrace check kafka` runs a whole transaction. */
import { ConfigError } from '../../../model/errors.ts';
import { DEFAULT_SINK_SLOTS } from '../../../model/limits.ts';
import type { SinkContext } from '../../../ports/sink.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { ProducerSettings } from './producer-properties.ts';
import { foreignMarker, isOwnMarker, readMarker, type MarkerPlace } from './slot-marker.ts';

/** In a message. */
const TOPICS_SHOWN = 20;

/** `topic` is null where rows name their own. */
export async function checkTopics(
  client: KafkaClient,
  { sink }: SinkContext,
  topic: string | null,
  place: MarkerPlace | null,
): Promise<void> {
  const wanted = [...new Set([topic, place?.topic ?? null])].filter((name) => name !== null);
  if (wanted.length === 0) return;
  const found = new Set((await client.topics(wanted)).map(({ name }) => name));
  const missing = wanted.find((name) => !found.has(name));
  if (missing === undefined) return;
  const known = (await client.topics(null)).filter(({ internal }) => !internal).map(({ name }) => name);
  const shown = known.toSorted().slice(0, TOPICS_SHOWN).join(', ');
  throw new ConfigError(
    `Sink ${sink}: there is no topic "${missing}". Create it, or correct the ${missing === topic ? "serializer's topic" : 'marker topic'}; topics are: ${shown || 'none'}${known.length > TOPICS_SHOWN ? ', …' : ''}.`,
    { sink, topic: missing },
  );
}

export async function checkTransactions(
  client: KafkaClient,
  ctx: SinkContext,
  place: MarkerPlace,
  { transactionTimeoutMs }: ProducerSettings,
): Promise<void> {
  const limit = await client.brokerSetting('transaction.max.timeout.ms');
  if (limit !== null && transactionTimeoutMs > Number(limit))
    throw new ConfigError(
      `Sink ${ctx.sink}: transaction.timeout.ms is ${transactionTimeoutMs}, and the brokers allow ${limit} (transaction.max.timeout.ms). Set it lower with setProperty("transaction.timeout.ms", "${limit}"): a transaction lasts as long as writing one epoch, not as long as a checkpoint.`,
      { sink: ctx.sink },
    );
  for (let slot = 0; slot < DEFAULT_SINK_SLOTS; slot++) {
    const marker = await readMarker(client, place, slot, false);
    if (marker !== null && !isOwnMarker(marker, ctx)) throw foreignMarker(ctx, place, slot, marker);
  }
}
