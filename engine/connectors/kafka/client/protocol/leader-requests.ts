/** One thing asked for each partition, of the partitions' leaders: those of one leader together, those that fail again. */
import { invariant } from '../../../../model/errors.ts';
import { BrokerRefusal } from '../broker-errors.ts';
import type { TopicPartition } from '../kafka-client.ts';
import { ConnectionLost, type Patience } from '../patience.ts';
import type { Cluster } from './cluster.ts';
import { partitionId, type PartitionError } from './requests/kafka-request.ts';

/** One answer an item, in order. `ask` may answer in any order; answers with an error code are asked for again as long as that is of use. */
export async function askLeaders<I extends TopicPartition, A extends PartitionError>(
  cluster: Cluster,
  items: readonly I[],
  patience: Patience,
  ask: (node: number, items: readonly I[]) => Promise<readonly A[]>,
  isAnswer: (answer: A) => boolean = ({ errorCode }) => errorCode === 0,
): Promise<readonly A[]> {
  const answers = new Map<string, A>();
  for (;;) {
    const open = items.filter(({ topic, partition }) => !answers.has(partitionId(topic, partition)));
    if (open.length === 0) break;
    const failures = await askOnce(cluster, open, ask, (answer) => {
      if (!isAnswer(answer)) return new BrokerRefusal(answer.errorCode, partitionId(answer.topic, answer.partition));
      answers.set(partitionId(answer.topic, answer.partition), answer);
      return null;
    });
    const [failure] = failures;
    if (failure === undefined) continue;
    cluster.forget();
    await patience.after(failure);
  }
  return items.map(({ topic, partition }) => answers.get(partitionId(topic, partition))!);
}

/** What failed; what no time cures comes first. */
async function askOnce<I extends TopicPartition, A extends PartitionError>(
  cluster: Cluster,
  items: readonly I[],
  ask: (node: number, items: readonly I[]) => Promise<readonly A[]>,
  take: (answer: A) => BrokerRefusal | null,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  try {
    await cluster.findLeaders(items);
  } catch (thrown) {
    return [thrown];
  }
  const byLeader = Map.groupBy(items, (item) => cluster.knownLeader(item)!);
  await Promise.all(
    [...byLeader].map(async ([node, group]) => {
      try {
        const given = await ask(node, group);
        invariant(
          given.length === group.length,
          `a broker answers for ${group.length} partitions, not ${given.length}`,
        );
        for (const answer of given) {
          const refusal = take(answer);
          if (refusal !== null) failures.push(refusal);
        }
      } catch (thrown) {
        failures.push(thrown);
      }
    }),
  );
  return failures.sort((a, b) => Number(a instanceof ConnectionLost) - Number(b instanceof ConnectionLost));
}
