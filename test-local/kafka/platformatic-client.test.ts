/** The client contract over @platformatic/kafka. */
import { openPlatformaticClient } from '../../engine/connectors/kafka/client/platformatic/platformatic-client.ts';
import { kafkaClientContract } from './client-contract.ts';

kafkaClientContract({ name: 'platformatic', open: openPlatformaticClient });
