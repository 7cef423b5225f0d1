/**
 * Transactions. AddPartitionsToTxn v3 and AddOffsetsToTxn v3 are needed where the cluster's transaction.version is below 2; from 2 on Produce v12
 * and TxnOffsetCommit v5 do it themselves, and EndTxn v5 answers with the next epoch (KIP-890).
 */
import type { CommittedOffset, TopicPartition, TransactionListing } from '../../kafka-client.ts';
import {
  type KafkaRequest,
  type PartitionError,
  readPartitions,
  writePartitionIndexes,
  writePartitions,
} from './kafka-request.ts';

export interface ProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export function addPartitionsToTxn(
  { transactionalId, producerId, producerEpoch }: ProducerIdentity,
  partitions: readonly TopicPartition[],
): KafkaRequest<readonly PartitionError[]> {
  return {
    name: 'AddPartitionsToTxn',
    key: 24,
    version: 3,
    write(w) {
      w.appendString(transactionalId).appendInt64(BigInt(producerId)).appendInt16(producerEpoch);
      writePartitionIndexes(w, partitions);
      w.appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return readPartitions(r, (topic, partition) => ({ topic, partition, errorCode: r.readInt16() }));
    },
  };
}

export function addOffsetsToTxn(
  { transactionalId, producerId, producerEpoch }: ProducerIdentity,
  group: string,
): KafkaRequest<{ readonly errorCode: number }> {
  return {
    name: 'AddOffsetsToTxn',
    key: 25,
    version: 3,
    write(w) {
      w.appendString(transactionalId).appendInt64(BigInt(producerId)).appendInt16(producerEpoch);
      w.appendString(group).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return { errorCode: r.readInt16() };
    },
  };
}

/** Without membership in the group. */
export function txnOffsetCommit(
  { transactionalId, producerId, producerEpoch }: ProducerIdentity,
  group: string,
  offsets: readonly CommittedOffset[],
  version: 3 | 5,
): KafkaRequest<readonly PartitionError[]> {
  return {
    name: 'TxnOffsetCommit',
    key: 28,
    version,
    write(w) {
      w.appendString(transactionalId).appendString(group);
      w.appendInt64(BigInt(producerId)).appendInt16(producerEpoch);
      w.appendInt32(-1).appendString('').appendString(null);
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

export interface EndTxnAnswer {
  readonly errorCode: number;
  /** For the next transaction (v5); null: the same as before. */
  readonly next: { readonly producerId: number; readonly producerEpoch: number } | null;
}

export function endTxn(
  { transactionalId, producerId, producerEpoch }: ProducerIdentity,
  commit: boolean,
  version: 3 | 5,
): KafkaRequest<EndTxnAnswer> {
  return {
    name: 'EndTxn',
    key: 26,
    version,
    write(w) {
      w.appendString(transactionalId).appendInt64(BigInt(producerId)).appendInt16(producerEpoch);
      w.appendBoolean(commit).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const errorCode = r.readInt16();
      const next = version === 5 ? { producerId: Number(r.readInt64()), producerEpoch: r.readInt16() } : null;
      return { errorCode, next };
    },
  };
}

export interface TransactionDescription {
  readonly errorCode: number;
  readonly state: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export function describeTransaction(transactionalId: string): KafkaRequest<TransactionDescription> {
  return {
    name: 'DescribeTransactions',
    key: 65,
    version: 0,
    write(w) {
      w.appendArray([transactionalId], (_, id) => w.appendString(id), false).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const [description] = r.readArray(() => {
        const errorCode = r.readInt16();
        r.readString();
        const state = r.readString();
        r.readInt32();
        r.readInt64();
        const producerId = Number(r.readInt64());
        const producerEpoch = r.readInt16();
        r.readArray(() => {
          r.readString();
          r.readArray(() => r.readInt32(), false);
        });
        return { errorCode, state, producerId, producerEpoch };
      });
      return description!;
    },
  };
}

/** Of one broker: those that it coordinates. */
export function listTransactions(): KafkaRequest<{
  readonly errorCode: number;
  readonly transactions: readonly TransactionListing[];
}> {
  return {
    name: 'ListTransactions',
    key: 66,
    version: 0,
    write(w) {
      w.appendArray([], () => {})
        .appendArray([], () => {})
        .appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const errorCode = r.readInt16();
      r.readArray(() => r.readString(), false);
      const transactions = r.readArray(() => ({
        transactionalId: r.readString(),
        producerId: Number(r.readInt64()),
        state: r.readString(),
      }));
      return { errorCode, transactions };
    },
  };
}
