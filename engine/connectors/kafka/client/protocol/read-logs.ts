/** Reading of partitions without a group: offsets, and ranges of records. */
import { ConfigError } from '../../../../model/errors.ts';
import { BrokerRefusal, OFFSET_OUT_OF_RANGE } from '../broker-errors.ts';
import type {
  FetchAnswer,
  FetchOptions,
  FetchRequest,
  Isolation,
  OffsetSpec,
  TopicPartition,
} from '../kafka-client.ts';
import type { Cluster } from './cluster.ts';
import { askLeaders } from './leader-requests.ts';
import {
  EARLIEST_TIMESTAMP,
  fetch,
  type FetchedPartition,
  LATEST_TIMESTAMP,
  listOffsets,
  type ListedOffset,
} from './requests/fetch.ts';
import { partitionId } from './requests/kafka-request.ts';

/** A partition's share of an answer is at least so much: with many partitions, each still comes in batches worth decoding. */
const LEAST_PARTITION_BYTES = 256 * 1024;

export class LogReads {
  readonly #cluster: Cluster;
  /** By leader: which partition is asked first. Brokers fill an answer in order, so that with a fixed one the last would starve. */
  readonly #turns = new Map<number, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async offsets(
    partitions: readonly TopicPartition[],
    at: OffsetSpec,
    isolation: Isolation,
  ): Promise<readonly number[]> {
    const timestamp = at === 'earliest' ? EARLIEST_TIMESTAMP : at === 'latest' ? LATEST_TIMESTAMP : at.timestampMs;
    const listed = await this.#list(partitions, timestamp, isolation);
    const beyond = listed.filter(({ offset }) => offset < 0);
    const ends = await this.#list(beyond, LATEST_TIMESTAMP, isolation);
    const endOf = new Map(ends.map((end) => [partitionId(end.topic, end.partition), end.offset]));
    return listed.map(({ topic, partition, offset }) => endOf.get(partitionId(topic, partition)) ?? offset);
  }

  async fetch(requests: readonly FetchRequest[], options: FetchOptions): Promise<readonly FetchAnswer[]> {
    const patience = this.#cluster.patience(`Kafka fetch of ${named(requests)}`, { requests });
    const fetched = await askLeaders(
      this.#cluster,
      requests,
      patience,
      (node, group) => this.#fetchFrom(node, group, options),
      ({ errorCode }) => errorCode === 0 || errorCode === OFFSET_OUT_OF_RANGE,
    );
    return Promise.all(fetched.map((partition) => this.#answerOf(partition, options.isolation)));
  }

  /** A topic deleted and created again is another topic. Null: one of them has no id, created by a broker before 2.8. */
  #idsOf(requests: readonly FetchRequest[]): ReadonlyMap<string, string> | null {
    const ids = new Map<string, string>();
    for (const { topic, topicId } of requests) {
      const id = this.#cluster.topicId(topic);
      if (id === null) return null;
      if (id !== (topicId ?? id))
        throw new ConfigError(
          `Kafka topic "${topic}" was deleted and created again: its offsets mean other records now. Start anew from offsets of the topic of now.`,
          { topic, topicId, id },
        );
      ids.set(topic, id);
    }
    return ids;
  }

  async #fetchFrom(
    node: number,
    group: readonly FetchRequest[],
    options: FetchOptions,
  ): Promise<readonly FetchedPartition[]> {
    const turn = (this.#turns.get(node) ?? -1) + 1;
    this.#turns.set(node, turn);
    const first = turn % group.length;
    const order = [...group.slice(first), ...group.slice(0, first)];
    const share = Math.max(Math.ceil(options.maxBytes / group.length), LEAST_PARTITION_BYTES);
    const request = fetch(order, options, Math.min(share, options.maxBytes), this.#idsOf(order));
    for (;;) {
      const { errorCode, throttledMs, partitions } = await this.#cluster.send(node, request, 'fetch');
      if (errorCode !== 0) throw new BrokerRefusal(errorCode);
      if (partitions.length > 0 || throttledMs === 0) return partitions;
      // A quota is no failure: it is waited for, however long, and uses up nobody's patience.
      await new Promise((resolve) => setTimeout(resolve, throttledMs));
    }
  }

  async #answerOf(partition: FetchedPartition, isolation: Isolation): Promise<FetchAnswer> {
    if (partition.errorCode === OFFSET_OUT_OF_RANGE) {
      const [earliest] = await this.offsets([partition], 'earliest', isolation);
      const [latest] = await this.offsets([partition], 'latest', 'read_uncommitted');
      return { kind: 'out-of-range', earliest: earliest!, latest: latest! };
    }
    const { bytes, aborted, highWatermark, lastStableOffset, logStartOffset } = partition;
    const records = { bytes, aborted: isolation === 'read_committed' ? aborted : null };
    return { kind: 'records', records, highWatermark, lastStableOffset, logStartOffset };
  }

  #list(
    partitions: readonly TopicPartition[],
    timestamp: number,
    isolation: Isolation,
  ): Promise<readonly ListedOffset[]> {
    const patience = this.#cluster.patience(`Kafka offsets of ${named(partitions)}`, { partitions });
    return askLeaders(this.#cluster, partitions, patience, (node, group) =>
      this.#cluster.send(node, listOffsets(group, timestamp, isolation)),
    );
  }
}

const MOST_NAMES = 5;

function named(partitions: readonly TopicPartition[]): string {
  const names = partitions.slice(0, MOST_NAMES).map(({ topic, partition }) => partitionId(topic, partition));
  return names.join(', ') + (partitions.length > MOST_NAMES ? ` and ${partitions.length - MOST_NAMES} more` : '');
}
