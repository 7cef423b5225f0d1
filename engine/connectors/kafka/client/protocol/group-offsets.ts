/** Offsets of consumer groups, without being a member of one. */
import { BrokerRefusal, GROUP_ID_NOT_FOUND } from '../broker-errors.ts';
import type { CommittedOffset, TopicPartition } from '../kafka-client.ts';
import type { Cluster } from './cluster.ts';
import { deleteGroup, offsetCommit, offsetFetch } from './requests/groups.ts';
import { partitionId, throwFirstError } from './requests/kafka-request.ts';

export class GroupOffsets {
  readonly #cluster: Cluster;
  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async committed(
    group: string,
    partitions: readonly TopicPartition[],
    requireStable: boolean,
  ): Promise<readonly (CommittedOffset | null)[]> {
    const patience = this.#cluster.patience(`Committed offsets of the Kafka group ${group}`, { group });
    const offsets = await this.#cluster.withCoordinator('group', group, patience, async (node) => {
      const answer = await this.#cluster.send(node, offsetFetch(group, partitions, requireStable));
      if (answer.errorCode !== 0) throw new BrokerRefusal(answer.errorCode);
      throwFirstError(answer.offsets);
      return answer.offsets;
    });
    const found = new Map(offsets.map((offset) => [partitionId(offset.topic, offset.partition), offset]));
    return partitions.map(({ topic, partition }) => {
      const { offset = -1, metadata = '' } = found.get(partitionId(topic, partition)) ?? {};
      return offset < 0 ? null : { topic, partition, offset, metadata };
    });
  }

  async commit(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    const patience = this.#cluster.patience(`Commit of offsets for the Kafka group ${group}`, { group });
    await this.#cluster.withCoordinator('group', group, patience, async (node) => {
      throwFirstError(await this.#cluster.send(node, offsetCommit(group, offsets)));
    });
  }

  async delete(group: string): Promise<void> {
    const patience = this.#cluster.patience(`Deletion of the Kafka group ${group}`, { group });
    await this.#cluster.withCoordinator('group', group, patience, async (node) => {
      const { errorCode } = await this.#cluster.send(node, deleteGroup(group));
      if (errorCode !== 0 && errorCode !== GROUP_ID_NOT_FOUND) throw new BrokerRefusal(errorCode);
    });
  }
}
