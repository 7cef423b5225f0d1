/** Which topics and partitions a Kafka source reads: by name, by pattern, or one by one. */
import { ConfigError } from '../../../model/errors.ts';
import type { TopicMetadata, TopicPartition } from '../client/kafka-client.ts';
import { splitIdOf } from './topic-partition.ts';

export type Subscription =
  | { readonly kind: 'topics'; readonly topics: readonly string[] }
  /** Matches whole names. */
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'partitions'; readonly partitions: readonly TopicPartition[] };

/** A pattern that matches names as a whole, as Java's `matches` does. */
export function wholeName(pattern: RegExp | string): RegExp {
  const { source, flags } = typeof pattern === 'string' ? { source: pattern, flags: '' } : pattern;
  try {
    return new RegExp(`^(?:${source})$`, flags.replace(/[gy]/g, ''));
  } catch (cause) {
    throw new ConfigError(`setTopicPattern: "${source}" is no regular expression.`, { pattern: source }, cause);
  }
}

export function describe(subscription: Subscription): string {
  switch (subscription.kind) {
    case 'topics':
      return subscription.topics.join(', ');
    case 'pattern':
      return `topics like ${subscription.pattern.source.slice(4, -2)}`;
    case 'partitions':
      return subscription.partitions.map(splitIdOf).join(', ');
  }
}

/** Names to ask for; null: all. */
export function topicNames(subscription: Subscription): readonly string[] | null {
  switch (subscription.kind) {
    case 'topics':
      return subscription.topics;
    case 'pattern':
      return null;
    case 'partitions':
      return [...new Set(subscription.partitions.map(({ topic }) => topic))];
  }
}

export function isSubscribed(subscription: Subscription, { topic, partition }: TopicPartition): boolean {
  switch (subscription.kind) {
    case 'topics':
      return subscription.topics.includes(topic);
    case 'pattern':
      return subscription.pattern.test(topic);
    case 'partitions':
      return subscription.partitions.some((each) => each.topic === topic && each.partition === partition);
  }
}

/** The partitions there are, of those subscribed to. Internal topics only by name. */
export function partitionsOf(subscription: Subscription, topics: readonly TopicMetadata[]): TopicPartition[] {
  return topics.flatMap(({ name, internal, leaders }) =>
    internal && subscription.kind === 'pattern'
      ? []
      : leaders.map((_, partition) => ({ topic: name, partition })).filter((each) => isSubscribed(subscription, each)),
  );
}

/** What a subscription names and the cluster does not have; null: nothing. */
export function missing(subscription: Subscription, topics: readonly TopicMetadata[]): string | null {
  const known = new Map(topics.map((topic) => [topic.name, topic.leaders.length]));
  const lacking =
    subscription.kind === 'topics'
      ? subscription.topics.filter((name) => !known.has(name))
      : subscription.kind === 'partitions'
        ? subscription.partitions
            .filter(({ topic, partition }) => partition >= (known.get(topic) ?? 0))
            .map((each) => splitIdOf(each))
        : [];
  if (lacking.length === 0) return null;
  return `${subscription.kind === 'topics' ? 'topic' : 'partition'} ${lacking.map((name) => `"${name}"`).join(', ')}`;
}
