/**
 * Which partitions there are, and where each begins and ends. The cluster is asked again at most every discovery interval.
 *
 * For a job that begins, partitions begin where the starting offsets say; those that appear later, while it runs or between two runs, at their
 * first record. Where they end is fixed when they are found, and stays with the split (`SplitDetails`).
 */
import { ConfigError, messageOf } from '../../../model/errors.ts';
import type { KnownSplits, SourceContext, SplitSpec } from '../../../ports/source.ts';
import type { Isolation, KafkaClient, TopicMetadata, TopicPartition } from '../client/kafka-client.ts';
import { behindPosition, endedBefore, recreated, truncated } from './lost-partition.ts';
import { OffsetsInitializer, type OffsetResetStrategy, type PartitionOffsetsRetriever } from './offsets-initializer.ts';
import type { SharedClient } from './shared-client.ts';
import { isSubscribed, missing, partitionsOf, topicNames, type Subscription } from './subscription.ts';
import { packDetails, partitionOf, splitIdOf, unpackDetails } from './topic-partition.ts';

export interface DiscoverySettings {
  readonly subscription: Subscription;
  readonly starting: OffsetsInitializer;
  readonly stopping: OffsetsInitializer | null;
  readonly group: string | null;
  readonly isolation: Isolation;
  readonly reset: OffsetResetStrategy;
  readonly bounded: boolean;
  /** Null: once. */
  readonly intervalMs: number | null;
}

export class PartitionDiscovery {
  readonly #settings: DiscoverySettings;
  readonly #client: SharedClient;
  #topics = new Map<string, TopicMetadata>();
  #lookedMs: number | null = null;
  readonly #found = new Map<string, SplitSpec>();

  constructor(settings: DiscoverySettings, client: SharedClient) {
    this.#settings = settings;
    this.#client = client;
  }

  /** Before a job starts: everything that is named is there. */
  async check(ctx: SourceContext): Promise<void> {
    this.#lookedMs = null;
    this.#found.clear();
    await this.#client.use((client) => this.#look(client));
    const lacking = missing(this.#settings.subscription, [...this.#topics.values()]);
    if (lacking === null && this.#settings.bounded && this.#partitions().length === 0)
      throw new ConfigError(
        `Source ${ctx.operator}: no topic's name matches the pattern. Correct setTopicPattern(), or leave out setBounded() if topics are to appear later.`,
        { operator: ctx.operator },
      );
    if (lacking === null) return;
    throw new ConfigError(
      `Source ${ctx.operator}: the cluster has no ${lacking}. Create it, or correct ${this.#settings.subscription.kind === 'topics' ? 'setTopics()' : 'setPartitions()'}.`,
      { operator: ctx.operator },
    );
  }

  async splits(ctx: SourceContext, known: KnownSplits): Promise<readonly SplitSpec[]> {
    const nowMs = ctx.clock.monotonicMs();
    const { intervalMs, bounded } = this.#settings;
    const again = intervalMs !== null && !bounded;
    if (this.#lookedMs === null || (again && nowMs - this.#lookedMs >= intervalMs)) {
      const first = this.#lookedMs === null;
      try {
        await this.#client.use(async (client) => {
          await this.#look(client);
          this.#compare(ctx, known);
          await this.#resolve(client, ctx, known, first && known.size === 0);
        });
      } catch (thrown) {
        if (first || thrown instanceof ConfigError) throw thrown;
        // What is known can be read meanwhile; the next look is an interval away.
        ctx.notice?.(`source ${ctx.operator} could not look for new partitions`, { why: messageOf(thrown) });
      }
      this.#lookedMs = nowMs;
    }
    return [...this.#found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Null: not known. */
  topicId(topic: string): string | null {
    return this.#topics.get(topic)?.id ?? null;
  }

  /** Node id of the partition's leader when last looked; −1: none known. */
  leader({ topic, partition }: TopicPartition): number {
    return this.#topics.get(topic)?.leaders[partition] ?? -1;
  }

  /** Asks the cluster. */
  async exists({ topic, partition }: TopicPartition): Promise<boolean> {
    const [found] = await this.#client.use((client) => client.topics([topic]));
    if (found !== undefined) this.#topics.set(topic, found);
    else this.#topics.delete(topic);
    return found !== undefined && partition < found.leaders.length;
  }

  knows(topic: string): boolean {
    return this.#topics.has(topic);
  }

  #partitions(): TopicPartition[] {
    return partitionsOf(this.#settings.subscription, [...this.#topics.values()]);
  }

  async #look(client: KafkaClient): Promise<void> {
    const topics = await client.topics(topicNames(this.#settings.subscription));
    this.#topics = new Map(topics.map((topic) => [topic.name, topic]));
  }

  /** The partitions that the job has read are those that the cluster has. */
  #compare({ operator }: SourceContext, known: KnownSplits): void {
    for (const [split, { position, ended, details }] of known) {
      const { topic, partition } = partitionOf(split);
      const found = this.#topics.get(topic);
      if (found === undefined || partition >= found.leaders.length) continue;
      if (!isSubscribed(this.#settings.subscription, { topic, partition })) continue;
      const { stop, topicId } = unpackDetails(details);
      const place = { operator, split, topic, position };
      const done = stop !== null && position >= stop;
      if (topicId !== null && (found.id ?? null) !== null && found.id !== topicId && !done) throw recreated(place);
      if (ended && !done) throw endedBefore(place);
    }
  }

  /** `begins`: the job has read nothing yet. */
  async #resolve(client: KafkaClient, ctx: SourceContext, known: KnownSplits, begins: boolean): Promise<void> {
    const { starting, stopping, reset } = this.#settings;
    const fresh = this.#partitions().filter((each) => !this.#found.has(splitIdOf(each)));
    const unread = fresh.filter((each) => !known.has(splitIdOf(each)));
    const retriever = this.#retriever(client);
    const initializer = begins ? starting : OffsetsInitializer.earliest();
    const starts = unread.length === 0 ? [] : await initializer.getPartitionOffsets(unread, retriever);
    const begun = begins ? await this.#withinLog(ctx, unread, starts, retriever, reset) : starts;
    const stops = stopping === null || unread.length === 0 ? [] : await stopping.getPartitionOffsets(unread, retriever);
    unread.forEach((each, i) => {
      const details = packDetails({ stop: stops[i] ?? null, topicId: this.topicId(each.topic) });
      this.#found.set(splitIdOf(each), { id: splitIdOf(each), startPosition: begun[i]!, details });
    });
    for (const each of fresh.filter((one) => known.has(splitIdOf(one)))) {
      const { position, details } = known.get(splitIdOf(each))!;
      const id = splitIdOf(each);
      this.#found.set(id, { id, startPosition: position, ...(details === undefined ? {} : { details }) });
    }
  }

  /** Offsets that the log does not have (committed long ago, given by hand): as `auto.offset.reset` says, as in Flink. */
  async #withinLog(
    ctx: SourceContext,
    partitions: readonly TopicPartition[],
    starts: readonly number[],
    retriever: PartitionOffsetsRetriever,
    reset: OffsetResetStrategy,
  ): Promise<readonly number[]> {
    if (partitions.length === 0) return [];
    const earliest = await retriever.beginningOffsets(partitions);
    const latest = await this.#client.use((client) => client.offsets(partitions, 'latest', 'read_uncommitted'));
    return starts.map((start, i) => {
      const retained = { earliest: earliest[i]!, latest: latest[i]! };
      if (start >= retained.earliest && start <= retained.latest) return start;
      const { topic } = partitions[i]!;
      const place = { operator: ctx.operator, split: splitIdOf(partitions[i]!), topic, position: start };
      if (reset === 'none')
        throw start > retained.latest ? behindPosition(place, retained) : truncated(place, retained);
      ctx.notice?.(
        `source ${ctx.operator}: the starting offset ${start} of split ${place.split} is not in its log, which keeps ${retained.earliest} to ${retained.latest}; it begins at the ${reset} one`,
        { split: place.split },
      );
      return reset === 'earliest' ? retained.earliest : retained.latest;
    });
  }

  #retriever(client: KafkaClient): PartitionOffsetsRetriever {
    const { group, isolation } = this.#settings;
    return {
      beginningOffsets: (partitions) => client.offsets(partitions, 'earliest', isolation),
      endOffsets: (partitions) => client.offsets(partitions, 'latest', isolation),
      offsetsForTimes: (partitions, timestampMs) => client.offsets(partitions, { timestampMs }, isolation),
      committedOffsets: async (partitions) =>
        group === null
          ? partitions.map(() => null)
          : (await client.committed(group, partitions, true)).map((each) => each?.offset ?? null),
    };
  }
}
