/** Offsets of consumer groups: OffsetCommit v8, OffsetFetch v7, DeleteGroups v2. */
import type { CommittedOffset, TopicPartition } from '../../kafka-client.ts';
import {
  type KafkaRequest,
  type PartitionError,
  readPartitions,
  writePartitionIndexes,
  writePartitions,
} from './kafka-request.ts';

/** For a group without members: generation −1. */
export function offsetCommit(
  group: string,
  offsets: readonly CommittedOffset[],
): KafkaRequest<readonly PartitionError[]> {
  return {
    name: 'OffsetCommit',
    key: 8,
    version: 8,
    write(w) {
      w.appendString(group).appendInt32(-1).appendString('').appendString(null);
      writePartitions(w, offsets, ({ offset, metadata }) => {
        w.appendInt64(BigInt(offset)).appendInt32(-1).appendString(metadata);
      });
      w.appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return readPartitions(r, (topic, partition) => ({ topic, partition, errorCode: r.readInt16() }));
    },
  };
}

export interface FetchedOffset extends PartitionError {
  /** −1: none. */
  readonly offset: number;
  readonly metadata: string;
}

export function offsetFetch(
  group: string,
  partitions: readonly TopicPartition[],
  requireStable: boolean,
): KafkaRequest<{ readonly errorCode: number; readonly offsets: readonly FetchedOffset[] }> {
  return {
    name: 'OffsetFetch',
    key: 9,
    version: 7,
    write(w) {
      w.appendString(group);
      writePartitionIndexes(w, partitions);
      w.appendBoolean(requireStable).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const offsets = readPartitions(r, (topic, partition) => {
        const offset = Number(r.readInt64());
        r.readInt32();
        const metadata = r.readNullableString() ?? '';
        return { topic, partition, offset, metadata, errorCode: r.readInt16() };
      });
      return { errorCode: r.readInt16(), offsets };
    },
  };
}

export function deleteGroup(group: string): KafkaRequest<{ readonly errorCode: number }> {
  return {
    name: 'DeleteGroups',
    key: 42,
    version: 2,
    write(w) {
      w.appendArray([group], (_, id) => w.appendString(id), false).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const [result] = r.readArray(() => {
        r.readString();
        return { errorCode: r.readInt16() };
      });
      return result!;
    },
  };
}
