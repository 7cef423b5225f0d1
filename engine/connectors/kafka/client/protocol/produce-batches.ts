/**
 * Sends partitions' queues to their leaders: one batch a partition under way, several partitions a request and several requests a leader. What a
 * leader refuses for the moment goes again with the same sequence numbers; a batch that is too large is halved. Fails with the first error that
 * no time cures, when nothing is under way any more.
 */
import {
  BrokerRefusal,
  DUPLICATE_SEQUENCE_NUMBER,
  MESSAGE_TOO_LARGE,
  RECORD_LIST_TOO_LARGE,
} from '../broker-errors.ts';
import type { Cluster } from './cluster.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { partitionId } from './requests/kafka-request.ts';
import { type PartitionBatch, produce } from './requests/produce.ts';

/** A request is sent when it has so much, or nothing more is ready. */
const REQUEST_BYTES = 1024 * 1024;
/** A broker reads one request of a connection while it works on the one before. */
const MAX_REQUESTS_IN_FLIGHT = 4;

export interface ProduceMode {
  readonly transactionalId: string | null;
  readonly version: 9 | 12;
}

export async function produceBatches(
  cluster: Cluster,
  queues: readonly PartitionQueue[],
  mode: ProduceMode,
): Promise<void> {
  let ready: PartitionQueue[] = queues.filter(({ empty }) => !empty);
  const underWay = new Set<Promise<void>>();
  const inFlight = new Map<number, number>();
  let failure: { readonly thrown: unknown } | null = null;

  const start = (round: readonly PartitionQueue[], work: Promise<void>): void => {
    const done = work
      .then(
        () => void ready.push(...round.filter(({ empty }) => !empty)),
        (thrown: unknown) => void (failure ??= { thrown }),
      )
      .finally(() => underWay.delete(done));
    underWay.add(done);
  };

  for (;;) {
    if (failure === null) {
      const homeless = ready.filter((queue) => cluster.knownLeader(queue) === undefined);
      if (homeless.length > 0) {
        ready = ready.filter((queue) => !homeless.includes(queue));
        start(homeless, findLeaders(cluster, homeless));
      }
      ready = startRounds(cluster, ready, mode, inFlight, start);
    }
    if (underWay.size === 0) break;
    await Promise.race(underWay);
  }
  if (failure !== null) throw (failure as { readonly thrown: unknown }).thrown;
}

/** Sends what fits; what has to wait is left. */
function startRounds(
  cluster: Cluster,
  ready: readonly PartitionQueue[],
  mode: ProduceMode,
  inFlight: Map<number, number>,
  start: (round: readonly PartitionQueue[], work: Promise<void>) => void,
): PartitionQueue[] {
  const left: PartitionQueue[] = [];
  for (const [node, queues] of Map.groupBy(ready, (queue) => cluster.knownLeader(queue)!)) {
    let next = 0;
    while (next < queues.length && (inFlight.get(node) ?? 0) < MAX_REQUESTS_IN_FLIGHT) {
      const round: PartitionQueue[] = [];
      const batches: PartitionBatch[] = [];
      for (let bytes = 0; next < queues.length && bytes < REQUEST_BYTES; next++) {
        const queue = queues[next]!;
        const batch = queue.batch();
        round.push(queue);
        batches.push({ topic: queue.topic, partition: queue.partition, bytes: batch });
        bytes += batch.length;
      }
      inFlight.set(node, (inFlight.get(node) ?? 0) + 1);
      const work = sendRound(cluster, node, round, batches, mode);
      start(
        round,
        work.finally(() => inFlight.set(node, inFlight.get(node)! - 1)),
      );
    }
    left.push(...queues.slice(next));
  }
  return left;
}

async function sendRound(
  cluster: Cluster,
  node: number,
  round: readonly PartitionQueue[],
  batches: readonly PartitionBatch[],
  { transactionalId, version }: ProduceMode,
): Promise<void> {
  const sent = cluster.send(node, produce(batches, transactionalId, version, cluster.settings.requestTimeoutMs));
  for (const queue of round) queue.prepareNext();
  const answers = await sent.catch((thrown: unknown) => ({ thrown }));
  if ('thrown' in answers) {
    cluster.forget();
    await waitAll(cluster, round, answers.thrown);
    return;
  }
  const byPartition = new Map(round.map((queue) => [queue.toString(), queue]));
  const refused: [PartitionQueue, BrokerRefusal][] = [];
  for (const { topic, partition, errorCode, errorMessage } of answers) {
    const queue = byPartition.get(partitionId(topic, partition))!;
    if (errorCode === 0 || errorCode === DUPLICATE_SEQUENCE_NUMBER) queue.acknowledge();
    else if (errorCode === MESSAGE_TOO_LARGE || errorCode === RECORD_LIST_TOO_LARGE) queue.halve();
    else refused.push([queue, new BrokerRefusal(errorCode, errorMessage)]);
  }
  if (refused.length === 0) return;
  cluster.forget();
  await Promise.all(refused.map(([queue, refusal]) => waitAll(cluster, [queue], refusal)));
}

async function findLeaders(cluster: Cluster, queues: readonly PartitionQueue[]): Promise<void> {
  try {
    await cluster.findLeaders(queues);
  } catch (thrown) {
    await waitAll(cluster, queues, thrown);
  }
}

async function waitAll(cluster: Cluster, queues: readonly PartitionQueue[], thrown: unknown): Promise<void> {
  await Promise.all(
    queues.map((queue) => {
      const { topic, partition } = queue;
      queue.patience ??= cluster.patience(`Kafka produce to ${queue.toString()}`, { topic, partition });
      return queue.patience.after(thrown);
    }),
  );
}
