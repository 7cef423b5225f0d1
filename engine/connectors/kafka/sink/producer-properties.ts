/** What the sink itself takes from the producer's properties; the rest says how to reach the cluster (connection-properties.ts). */
import { ConfigError } from '../../../model/errors.ts';
import type { Compression } from '../client/kafka-client.ts';

export interface ProducerSettings {
  readonly compression: Compression;
  readonly transactionTimeoutMs: number;
  /** A larger record is refused by the writer. */
  readonly maxRequestBytes: number;
  /** An idle slot's marker is written anew this often: brokers drop offsets after offsets.retention.minutes, 7 days by default. */
  readonly markerRefreshMs: number;
}

const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
/** Java's defaults. Flink's transaction timeout of an hour is for transactions that stay open for a checkpoint: here none does. */
const DEFAULT_TRANSACTION_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_REQUEST_BYTES = 1_048_576;
const MARKER_REFRESH_MS = 6 * 3_600_000;

/** Properties that only this connector's sink reads. */
export const SINK_PROPERTIES: readonly string[] = [
  'compression.type',
  'transaction.timeout.ms',
  'max.request.size',
  'acks',
  'enable.idempotence',
];

export function producerSettingsOf(properties: Readonly<Record<string, string>>): ProducerSettings {
  const named = properties['compression.type'] ?? 'none';
  const compression = COMPRESSIONS.find((codec) => codec === named);
  if (compression === undefined)
    throw new ConfigError(`KafkaSink: compression.type is one of ${COMPRESSIONS.join(', ')}; got "${named}".`);
  const acks = properties['acks'] ?? 'all';
  if (acks !== 'all' && acks !== '-1')
    throw new ConfigError(
      `KafkaSink: acks=${acks} could lose records of an epoch that is committed. Leave it out: it is "all".`,
    );
  if ((properties['enable.idempotence'] ?? 'true') !== 'true')
    throw new ConfigError('KafkaSink: enable.idempotence=false could double records. Leave it out: it is "true".');
  if (properties['transactional.id'] !== undefined)
    throw new ConfigError(
      'KafkaSink: set setTransactionalIdPrefix() instead of transactional.id: each slot has an id.',
    );
  return {
    compression,
    transactionTimeoutMs: wholeOf(properties, 'transaction.timeout.ms', DEFAULT_TRANSACTION_TIMEOUT_MS),
    maxRequestBytes: wholeOf(properties, 'max.request.size', DEFAULT_MAX_REQUEST_BYTES),
    markerRefreshMs: MARKER_REFRESH_MS,
  };
}

function wholeOf(properties: Readonly<Record<string, string>>, name: string, otherwise: number): number {
  const text = properties[name];
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,9}$/.test(text))
    throw new ConfigError(`KafkaSink: ${name} is a whole number above 0; got "${text}".`);
  return Number(text);
}
