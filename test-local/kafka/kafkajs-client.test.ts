/** The client contract over kafkajs. */
import { openKafkajsClient } from '../../engine/connectors/kafka/client/kafkajs/kafkajs-client.ts';
import { kafkaClientContract } from './client-contract.ts';

kafkaClientContract({ name: 'kafkajs', open: openKafkajsClient });
