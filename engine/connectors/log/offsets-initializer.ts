/** Where reading of a log begins or ends. */
import { ConfigError } from '../../model/errors.ts';
import type { Log } from '../../ports/log.ts';

export interface OffsetsInitializer {
  readonly description: string;
  offsetOf(log: Log, topic: string, partition: number): Promise<number>;
}

export const OffsetsInitializer = {
  /** The first retained record. */
  earliest: (): OffsetsInitializer => ({
    description: 'earliest',
    offsetOf: async (log, topic, partition) => (await log.offsets(topic, partition)).earliest,
  }),
  /** After the last record there is now. */
  latest: (): OffsetsInitializer => ({
    description: 'latest',
    offsetOf: async (log, topic, partition) => (await log.offsets(topic, partition)).latest,
  }),
  /** The first record whose timestamp is at or after `timestampMs`; the end if there is none. */
  timestamp: (timestampMs: number): OffsetsInitializer => {
    if (!Number.isFinite(timestampMs))
      throw new ConfigError(`OffsetsInitializer.timestamp(${timestampMs}): give epoch milliseconds.`);
    return {
      description: `timestamp ${timestampMs}`,
      offsetOf: (log, topic, partition) => log.offsetForTime(topic, partition, timestampMs),
    };
  },
  /** By partition, e.g. `offsets({ 'orders-0': 42 })`. Partitions that are not named: the first retained record. */
  offsets: (byPartition: Readonly<Record<string, number>>): OffsetsInitializer => {
    for (const [name, offset] of Object.entries(byPartition)) {
      if (!Number.isSafeInteger(offset) || offset < 0 || !/-\d+$/.test(name)) {
        throw new ConfigError(
          `OffsetsInitializer.offsets: ${JSON.stringify(name)}: ${offset} should read like { "topic-0": 42 }.`,
        );
      }
    }
    return {
      description: 'given offsets',
      offsetOf: async (log, topic, partition) =>
        Object.hasOwn(byPartition, `${topic}-${partition}`)
          ? byPartition[`${topic}-${partition}`]!
          : (await log.offsets(topic, partition)).earliest,
    };
  },
} as const;
