/** Where reading of partitions begins or ends (Flink's OffsetsInitializer). */
import { ConfigError } from '../../../model/errors.ts';
import type { TopicPartition } from '../client/kafka-client.ts';
import { splitIdOf } from './topic-partition.ts';

/** What holds where an offset is not there: none was committed, or the log does not reach back to it any more. */
export const OffsetResetStrategy = { EARLIEST: 'earliest', LATEST: 'latest', NONE: 'none' } as const;
export type OffsetResetStrategy = (typeof OffsetResetStrategy)[keyof typeof OffsetResetStrategy];

/** Asks the brokers. Each answers one offset a partition, in order. */
export interface PartitionOffsetsRetriever {
  /** What the source's group has committed; null: nothing. */
  committedOffsets(partitions: readonly TopicPartition[]): Promise<readonly (number | null)[]>;
  beginningOffsets(partitions: readonly TopicPartition[]): Promise<readonly number[]>;
  /** After the last record; with read_committed the last stable offset. */
  endOffsets(partitions: readonly TopicPartition[]): Promise<readonly number[]>;
  /** The first record at or after the time; the end if there is none. */
  offsetsForTimes(partitions: readonly TopicPartition[], timestampMs: number): Promise<readonly number[]>;
}

export interface OffsetsInitializer {
  /** For messages and graphs. */
  readonly description: string;
  /** One offset a partition, in order. */
  getPartitionOffsets(
    partitions: readonly TopicPartition[],
    retriever: PartitionOffsetsRetriever,
  ): Promise<readonly number[]>;
  /** What `auto.offset.reset` is where the source's properties do not say. */
  getAutoOffsetResetStrategy(): OffsetResetStrategy;
  /** It asks for committed offsets, so the source needs a group. */
  readonly needsGroup?: boolean;
}

export const OffsetsInitializer = {
  /** The first record there is. */
  earliest: (): OffsetsInitializer => ({
    description: 'earliest',
    getPartitionOffsets: (partitions, retriever) => retriever.beginningOffsets(partitions),
    getAutoOffsetResetStrategy: () => 'earliest',
  }),

  /** After the last record there is now. */
  latest: (): OffsetsInitializer => ({
    description: 'latest',
    getPartitionOffsets: (partitions, retriever) => retriever.endOffsets(partitions),
    getAutoOffsetResetStrategy: () => 'latest',
  }),

  /** What the source's group has committed; `resetStrategy` where it has committed nothing (`none`: the job is refused). */
  committedOffsets: (resetStrategy: OffsetResetStrategy = 'none'): OffsetsInitializer => ({
    description: 'committed offsets',
    needsGroup: true,
    getPartitionOffsets: (partitions, retriever) => committedOr(resetStrategy, partitions, retriever),
    getAutoOffsetResetStrategy: () => checkedStrategy(resetStrategy),
  }),

  /** The first record whose timestamp is at or after `timestampMs`; the end if there is none. */
  timestamp: (timestampMs: number): OffsetsInitializer => {
    if (!Number.isSafeInteger(timestampMs) || timestampMs < 0)
      throw new ConfigError(`OffsetsInitializer.timestamp(${timestampMs}): give epoch milliseconds.`);
    return {
      description: `timestamp ${timestampMs}`,
      getPartitionOffsets: (partitions, retriever) => retriever.offsetsForTimes(partitions, timestampMs),
      getAutoOffsetResetStrategy: () => 'none',
    };
  },

  /**
   * By partition, e.g. `offsets({ 'orders-0': 42 })`. Partitions that are not named: what the group has committed, else `resetStrategy`.
   */
  offsets: (
    byPartition: Readonly<Record<string, number>>,
    resetStrategy: OffsetResetStrategy = 'earliest',
  ): OffsetsInitializer => {
    for (const [name, offset] of Object.entries(byPartition)) {
      if (!Number.isSafeInteger(offset) || offset < 0 || !/.-\d+$/.test(name)) {
        throw new ConfigError(
          `OffsetsInitializer.offsets: ${JSON.stringify(name)}: ${offset} should read like { "topic-0": 42 }.`,
        );
      }
    }
    const given = new Map(Object.entries(byPartition));
    return {
      description: 'given offsets',
      async getPartitionOffsets(partitions, retriever) {
        const others = partitions.filter((each) => !given.has(splitIdOf(each)));
        const found = others.length === 0 ? [] : await committedOr(resetStrategy, others, retriever);
        const byId = new Map([...given, ...others.map((each, i) => [splitIdOf(each), found[i]!] as const)]);
        return partitions.map((each) => byId.get(splitIdOf(each))!);
      },
      getAutoOffsetResetStrategy: () => checkedStrategy(resetStrategy),
    };
  },
} as const;

export function checkedStrategy(strategy: string): OffsetResetStrategy {
  const lower = strategy.toLowerCase();
  if (lower === 'earliest' || lower === 'latest' || lower === 'none') return lower;
  throw new ConfigError(`"${strategy}" is no offset reset strategy: give earliest, latest or none.`);
}

async function committedOr(
  strategy: OffsetResetStrategy,
  partitions: readonly TopicPartition[],
  retriever: PartitionOffsetsRetriever,
): Promise<readonly number[]> {
  const committed = await retriever.committedOffsets(partitions);
  const others = partitions.filter((_, i) => committed[i] === null);
  if (others.length === 0) return committed.map((offset) => offset!);
  const names = others.map(splitIdOf).join(', ');
  if (checkedStrategy(strategy) === 'none') {
    throw new ConfigError(
      `no offset is committed for ${names}. Say where to begin without one: OffsetsInitializer.committedOffsets('earliest') or ('latest'), or offsets(…, 'earliest').`,
      { partitions: names },
    );
  }
  const found =
    checkedStrategy(strategy) === 'earliest'
      ? await retriever.beginningOffsets(others)
      : await retriever.endOffsets(others);
  let next = 0;
  return committed.map((offset) => offset ?? found[next++]!);
}
