/**
 * Opens a client over the library that a connection asks for; the library is loaded with the first client of it. Libraries authenticate and carry
 * bytes (`protocol/transport.ts`); what is asked, and how answers are judged, is the same for all (`protocol/`).
 */
import { ConfigError, isMissingModule, messageOf } from '../../../model/errors.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { KafkaClientLibrary, KafkaConnection } from './kafka-connection.ts';

/** Measured: decision 12. */
export const DEFAULT_KAFKA_CLIENT: KafkaClientLibrary = 'kafkajs';

interface Library {
  /** On npm. */
  readonly name: string;
  open(connection: KafkaConnection): Promise<KafkaClient>;
}

const LIBRARIES: Readonly<Record<KafkaClientLibrary, Library>> = {
  platformatic: {
    name: '@platformatic/kafka',
    async open(connection) {
      const { openPlatformaticClient } = await import('./platformatic/platformatic-client.ts');
      return openPlatformaticClient(connection);
    },
  },
  kafkajs: {
    name: 'kafkajs',
    async open(connection) {
      const { openKafkajsClient } = await import('./kafkajs/kafkajs-client.ts');
      return openKafkajsClient(connection);
    },
  },
};

/** Connects with the first request. */
export async function openKafkaClient(connection: KafkaConnection): Promise<KafkaClient> {
  const library = LIBRARIES[connection.client];
  try {
    return await library.open(connection);
  } catch (error) {
    if (!isMissingModule(error)) throw error;
    throw new ConfigError(
      `The Kafka client library ${library.name} is not installed: ${messageOf(error)}. Run: npm install ${library.name}. Functions on AWS have ${DEFAULT_KAFKA_CLIENT} only: leave setClient() out there.`,
      { library: library.name },
      error,
    );
  }
}
