/** The client over @platformatic/kafka. */
import type { KafkaClient } from '../kafka-client.ts';
import type { KafkaConnection } from '../kafka-connection.ts';
import { ProtocolClient } from '../protocol/protocol-client.ts';
import { tokenCacheOf } from '../token-cache.ts';
import { openPlatformaticTransport } from './platformatic-transport.ts';

/** Connects with the first request. */
export function openPlatformaticClient(connection: KafkaConnection): KafkaClient {
  const tokens = tokenCacheOf(connection);
  return new ProtocolClient(connection, {
    open: openPlatformaticTransport(connection, tokens),
    tokens,
  });
}
