/** Splits of a Kafka source: one a partition, `topic-partition`. */
import { ConfigError } from '../../../model/errors.ts';
import type { TopicPartition } from '../client/kafka-client.ts';

export function splitIdOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** Topics may hold dashes: the last one counts. */
export function partitionOf(splitId: string): TopicPartition {
  const match = /^(.+)-(\d+)$/.exec(splitId);
  if (match === null)
    throw new ConfigError(
      `the job's state knows a split "${splitId}", which is none of a Kafka source: it was begun with another source under this uid. Take another --state folder, or give the new source a uid of its own.`,
    );
  return { topic: match[1]!, partition: Number(match[2]) };
}

/** What plans and manifests say of a split besides its position. */
export interface SplitDetails {
  /** Where it ends: fixed when the split was found. Null: nowhere. */
  readonly stop: number | null;
  /** Another id: the topic was deleted and created again. Null: the client does not tell. */
  readonly topicId: string | null;
}

export function packDetails({ stop, topicId }: SplitDetails): string {
  return JSON.stringify({ ...(stop === null ? {} : { stop }), ...(topicId === null ? {} : { topicId }) });
}

export function unpackDetails(details: string | undefined): SplitDetails {
  const parsed = details === undefined ? {} : (JSON.parse(details) as { stop?: number; topicId?: string });
  return { stop: parsed.stop ?? null, topicId: parsed.topicId ?? null };
}
