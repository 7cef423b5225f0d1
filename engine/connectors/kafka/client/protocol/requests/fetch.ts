/** Reading logs: Fetch v13 (by topic id) or v12 (by name), ListOffsets v6. */
import type { WireReader } from '../wire-reader.ts';
import type { FetchOptions, FetchRequest, Isolation, TopicPartition } from '../../kafka-client.ts';
import type { AbortedTransaction } from '../../record-set.ts';
import { type KafkaRequest, type PartitionError, readPartitions, writePartitions } from './kafka-request.ts';

export interface FetchedPartition extends PartitionError {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly bytes: Uint8Array;
}

export interface FetchedPartitions {
  readonly errorCode: number;
  /** A quota (KIP-219): the broker answers for no partition, and reads nothing of this connection for so long. */
  readonly throttledMs: number;
  readonly partitions: readonly FetchedPartition[];
}

/** Without a fetch session. `ids`, by name: where a topic was deleted and created again, nothing is read. Null: by name. */
export function fetch(
  partitions: readonly FetchRequest[],
  { maxBytes, maxWaitMs, isolation }: FetchOptions,
  partitionMaxBytes: number,
  ids: ReadonlyMap<string, string> | null,
): KafkaRequest<FetchedPartitions> {
  return {
    name: 'Fetch',
    key: 1,
    version: ids === null ? 12 : 13,
    write(w) {
      w.appendInt32(-1).appendInt32(maxWaitMs).appendInt32(1).appendInt32(maxBytes);
      w.appendInt8(isolationNumber(isolation)).appendInt32(0).appendInt32(-1);
      writePartitions(
        w,
        partitions,
        ({ from }) => {
          w.appendInt32(-1).appendInt64(BigInt(from)).appendInt32(-1).appendInt64(-1n).appendInt32(partitionMaxBytes);
        },
        (topic) => {
          if (ids === null) w.appendString(topic);
          else w.appendUuid(ids.get(topic)!);
        },
      );
      w.appendArray([], () => {})
        .appendString('')
        .appendTaggedFields();
    },
    read(r) {
      const throttledMs = r.readInt32();
      const errorCode = r.readInt16();
      r.readInt32();
      const names = new Map([...(ids ?? [])].map(([name, id]) => [id, name]));
      const fetched = readPartitions(
        r,
        (topic, partition) => readFetched(r, topic, partition),
        () => (ids === null ? r.readString() : names.get(r.readUuid())!),
      );
      return { errorCode, throttledMs, partitions: fetched };
    },
  };
}

function readFetched(r: WireReader, topic: string, partition: number): FetchedPartition {
  const errorCode = r.readInt16();
  const highWatermark = Number(r.readInt64());
  const lastStableOffset = Number(r.readInt64());
  const logStartOffset = Number(r.readInt64());
  const aborted = r.readArray(() => ({ producerId: Number(r.readInt64()), firstOffset: Number(r.readInt64()) }));
  r.readInt32();
  const bytes = r.readBytes();
  return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, bytes };
}

export const EARLIEST_TIMESTAMP = -2;
export const LATEST_TIMESTAMP = -1;

export interface ListedOffset extends PartitionError {
  /** −1: no record so late. */
  readonly offset: number;
}

export function listOffsets(
  partitions: readonly TopicPartition[],
  timestamp: number,
  isolation: Isolation,
): KafkaRequest<readonly ListedOffset[]> {
  return {
    name: 'ListOffsets',
    key: 2,
    version: 6,
    write(w) {
      w.appendInt32(-1).appendInt8(isolationNumber(isolation));
      writePartitions(w, partitions, () => w.appendInt32(-1).appendInt64(BigInt(timestamp)));
      w.appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return readPartitions(r, (topic, partition) => {
        const errorCode = r.readInt16();
        r.readInt64();
        const offset = Number(r.readInt64());
        r.readInt32();
        return { topic, partition, errorCode, offset };
      });
    },
  };
}

function isolationNumber(isolation: Isolation): number {
  return isolation === 'read_committed' ? 1 : 0;
}
