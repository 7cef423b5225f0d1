/**
 * What every `KafkaClient` keeps, whichever library carries it (engine/connectors/kafka/client/kafka-client.ts), against real brokers. Run within a
 * test file of the library's.
 */
import { describe } from 'vitest';
import { ContractWorld, type Library } from './contract/contract-world.ts';
import { deadConnectionsContract, lostAnswersContract } from './contract/failing-connections.ts';
import { endsContract, limitsContract, recordsContract, recreatedContract } from './contract/logs.ts';
import { groupsContract, topicsContract } from './contract/topics-and-groups.ts';
import {
  expiredTransactionsContract,
  failedTransactionsContract,
  fencingContract,
  transactionOffsetsContract,
  transactionsContract,
  zombiesContract,
} from './contract/transactions.ts';

const CONTRACTS: readonly ((world: ContractWorld) => void)[] = [
  topicsContract,
  recordsContract,
  limitsContract,
  endsContract,
  recreatedContract,
  groupsContract,
  transactionsContract,
  transactionOffsetsContract,
  expiredTransactionsContract,
  failedTransactionsContract,
  fencingContract,
  zombiesContract,
  lostAnswersContract,
  deadConnectionsContract,
];

export function kafkaClientContract(library: Library): void {
  describe.each(['kafka', 'kafka-3.9'] as const)(`${library.name} on %s`, (server) => {
    const world = new ContractWorld(library, server);
    for (const contract of CONTRACTS) contract(world);
  });
}
