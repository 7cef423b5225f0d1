/**
 * What this process knows of a disk log's topics and partitions, by name. Knowledge may be out of date (another process
 * deleted the topic): then its folder is gone, and the name is looked up again.
 */
import { join } from 'node:path';
import { ConfigError } from '../model/errors.ts';
import { LogPartition, PartitionGone } from './log-partition.ts';
import type { TopicFolder, TopicFolders } from './topic-folders.ts';

export class PartitionViews {
  readonly #topics: TopicFolders;
  readonly #known = new Map<string, TopicFolder>();
  readonly #views = new Map<string, LogPartition>();

  constructor(topics: TopicFolders) {
    this.#topics = topics;
  }

  /** By `<topic folder>/<partition>`. */
  at(key: string): LogPartition {
    let view = this.#views.get(key);
    if (view === undefined) this.#views.set(key, (view = new LogPartition(join(this.#topics.root, key))));
    return view;
  }

  topicOf(name: string): TopicFolder {
    let topic = this.#known.get(name);
    if (topic === undefined) {
      topic = this.#topics.find(name);
      if (topic === undefined)
        throw new ConfigError(`there is no topic "${name}" in ${this.#topics.root}. Create it first.`, { topic: name });
      this.#known.set(name, topic);
    }
    return topic;
  }

  keyOf(topic: string, partition: number): string {
    const { folder, partitions } = this.topicOf(topic);
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions)
      throw new ConfigError(`topic "${topic}" has partitions 0 to ${partitions - 1}, not ${partition}.`, {
        topic,
        partition,
      });
    return `${folder}/${partition}`;
  }

  /** Reads a partition; a second time if its folder was gone. */
  read<T>(topic: string, partition: number, work: (view: LogPartition, key: string) => T): T {
    for (let attempt = 0; ; attempt++) {
      try {
        const key = this.keyOf(topic, partition);
        return work(this.at(key), key);
      } catch (thrown) {
        if (!(thrown instanceof PartitionGone) || attempt > 2) throw thrown;
        this.#known.delete(topic);
      }
    }
  }

  clear(): void {
    this.#known.clear();
    this.#views.clear();
  }
}
