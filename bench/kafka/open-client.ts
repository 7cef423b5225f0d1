/** The default client library, without security. */
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';

export async function openClient(bootstrapServers: string): Promise<KafkaClient> {
  return await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection);
}
