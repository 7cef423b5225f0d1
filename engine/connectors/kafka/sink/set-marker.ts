/** Sets a slot's marker by hand: the answer to the question that a sink stops with. Fences whoever still publishes. */
import { ConfigError } from '../../../model/errors.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { compareMarkers, isOwnMarker, offsetOfMarker, readMarkerOf, type SlotMarker } from './slot-marker.ts';

/** `group`: `<prefix>-<slot>`, as the question names it. */
export async function setMarker(
  client: KafkaClient,
  group: string,
  topic: string,
  marker: SlotMarker,
  transactionTimeoutMs: number,
): Promise<void> {
  const [known] = await client.topics([topic]);
  if (known === undefined) throw new ConfigError(`there is no topic "${topic}": create it, as the sink writes to it.`);
  const producer = await client.transactionalProducer(group, transactionTimeoutMs);
  try {
    const found = await readMarkerOf(client, group, topic, true);
    if (found !== null && !isOwnMarker(found, marker))
      throw new ConfigError(
        `group "${group}" belongs to job "${found.job}", sink "${found.sink}", and not to job "${marker.job}", sink "${marker.sink}". Nothing was changed.`,
      );
    if (found !== null && compareMarkers(found, marker) > 0)
      throw new ConfigError(
        `group "${group}" says epoch ${found.epoch} of run ${found.run} already, which is later. Nothing was changed; start the job again.`,
      );
    await producer.sendOffsets(group, [offsetOfMarker(topic, marker)]);
    await producer.commit();
  } finally {
    await producer.close();
  }
}
