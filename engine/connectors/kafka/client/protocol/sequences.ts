/** The next sequence number of each partition under one producer id and epoch. */
import type { TopicPartition } from '../kafka-client.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { partitionId } from './requests/kafka-request.ts';

export class Sequences {
  readonly #next = new Map<string, number>();

  next({ topic, partition }: TopicPartition): number {
    return this.#next.get(partitionId(topic, partition)) ?? 0;
  }
  advance(sent: readonly PartitionQueue[]): void {
    for (const queue of sent) this.#next.set(queue.toString(), queue.nextSequence);
  }
  clear(): void {
    this.#next.clear();
  }
}
