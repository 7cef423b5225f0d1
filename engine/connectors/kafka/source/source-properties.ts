/**
 * The properties that a Kafka source reads itself; the others say how to reach the cluster (`../connection-properties.ts`).
 *
 * | property | meaning | default |
 * |---|---|---|
 * | `group.id` | whose offsets are committed for others to see, and asked for by `committedOffsets` | none |
 * | `commit.offsets.on.checkpoint` | commit them after each epoch | true, with a group |
 * | `client.id.prefix` | begins the client's name | the group, or `millrace` |
 * | `auto.offset.reset` | where to go on when the log does not reach back to the position | what the starting offsets say |
 * | `isolation.level` | `read_committed`, `read_uncommitted` | `read_committed` (Kafka's own is the other) |
 * | `partition.discovery.interval.ms` | between two looks for new partitions and topics; 0 or less: never again | 300000 |
 * | `max.partition.fetch.bytes`, `fetch.max.bytes` | of one partition, of one request | 1048576, 16777216 |
 * | `fetch.max.wait.ms` | how long a broker waits for new records before it answers | 100 |
 *
 * Offsets are the job's own state; what others know from Java's consumers and cannot hold here is refused.
 */
import type { Isolation } from '../client/kafka-client.ts';
import { badProperty, PropertyReader, type KafkaProperties } from '../connection/property-reader.ts';
import { checkedStrategy, type OffsetResetStrategy } from './offsets-initializer.ts';

export interface SourceProperties {
  readonly group: string | null;
  readonly commitOffsets: boolean;
  readonly clientIdPrefix: string | null;
  /** Null: not set. */
  readonly reset: OffsetResetStrategy | null;
  readonly isolation: Isolation;
  /** Null: partitions are looked for once. */
  readonly discoveryMs: number | null;
  readonly partitionBytes: number;
  readonly requestBytes: number;
  readonly maxWaitMs: number;
}

const DISCOVERY_MS = 300_000;
const PARTITION_BYTES = 1024 * 1024;
const REQUEST_BYTES = 16 * 1024 * 1024;
const MAX_WAIT_MS = 100;

/** Read here, so no business of the connection's. */
export const SOURCE_PROPERTIES = [
  'group.id',
  'commit.offsets.on.checkpoint',
  'client.id.prefix',
  'auto.offset.reset',
  'isolation.level',
  'partition.discovery.interval.ms',
  'max.partition.fetch.bytes',
  'fetch.max.bytes',
  'fetch.max.wait.ms',
  'enable.auto.commit',
  'key.deserializer',
  'value.deserializer',
] as const;

export function sourceProperties(properties: KafkaProperties): SourceProperties {
  const reader = new PropertyReader(properties);
  if (reader.flag('enable.auto.commit', false))
    throw badProperty(
      'enable.auto.commit',
      'cannot be true: offsets are part of the checkpoint, and committed to the group after each epoch. Remove it',
    );
  for (const name of ['key.deserializer', 'value.deserializer'])
    if (reader.nonEmpty(name) !== null)
      throw badProperty(name, 'has no effect: use setValueOnlyDeserializer() or setDeserializer(). Remove it');
  const group = reader.nonEmpty('group.id');
  const reset = reader.nonEmpty('auto.offset.reset');
  const discoveryMs = signedMs(reader, 'partition.discovery.interval.ms') ?? DISCOVERY_MS;
  return {
    group,
    commitOffsets: reader.flag('commit.offsets.on.checkpoint', true) && group !== null,
    clientIdPrefix: reader.nonEmpty('client.id.prefix'),
    reset: reset === null ? null : checkedStrategy(reset),
    isolation: isolationOf(reader),
    discoveryMs: discoveryMs > 0 ? discoveryMs : null,
    partitionBytes: size(reader, 'max.partition.fetch.bytes', PARTITION_BYTES),
    requestBytes: size(reader, 'fetch.max.bytes', REQUEST_BYTES),
    maxWaitMs: reader.milliseconds('fetch.max.wait.ms') ?? MAX_WAIT_MS,
  };
}

function isolationOf(reader: PropertyReader): Isolation {
  const level = reader.oneOf('isolation.level', ['READ_COMMITTED', 'READ_UNCOMMITTED'], 'READ_COMMITTED');
  return level === 'READ_COMMITTED' ? 'read_committed' : 'read_uncommitted';
}

function signedMs(reader: PropertyReader, name: string): number | null {
  const value = reader.nonEmpty(name);
  if (value === null) return null;
  if (!/^-?\d{1,15}$/.test(value)) throw badProperty(name, `must be a whole number of milliseconds, but is "${value}"`);
  return Number(value);
}

function size(reader: PropertyReader, name: string, otherwise: number): number {
  const value = reader.nonEmpty(name);
  if (value === null) return otherwise;
  if (!/^\d{1,10}$/.test(value) || Number(value) < 1)
    throw badProperty(name, `must be a whole number of bytes, at least 1, but is "${value}"`);
  return Number(value);
}
