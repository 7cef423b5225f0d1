/** The client over kafkajs. */
import type { KafkaClient } from '../kafka-client.ts';
import type { KafkaConnection } from '../kafka-connection.ts';
import { ProtocolClient } from '../protocol/protocol-client.ts';
import { tokenCacheOf } from '../token-cache.ts';
import { openKafkajsTransport } from './kafkajs-transport.ts';

/** Connects with the first request. */
export function openKafkajsClient(connection: KafkaConnection): KafkaClient {
  const tokens = tokenCacheOf(connection);
  return new ProtocolClient(connection, {
    open: openKafkajsTransport(connection, tokens),
    tokens,
  });
}
