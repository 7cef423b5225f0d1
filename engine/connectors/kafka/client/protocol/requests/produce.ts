/** Writing: Produce v9, or v12, which adds partitions to the transaction by itself (KIP-890); InitProducerId v4. */
import { type KafkaRequest, type PartitionError, readPartitions, writePartitions } from './kafka-request.ts';

export interface ProducedPartition extends PartitionError {
  readonly errorMessage: string | null;
}

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** One record batch. */
  readonly bytes: Uint8Array;
}

export function produce(
  batches: readonly PartitionBatch[],
  transactionalId: string | null,
  version: 9 | 12,
  timeoutMs: number,
): KafkaRequest<readonly ProducedPartition[]> {
  return {
    name: 'Produce',
    key: 0,
    version,
    write(w) {
      // acks −1: all replicas in sync.
      w.appendString(transactionalId).appendInt16(-1).appendInt32(timeoutMs);
      writePartitions(w, batches, ({ bytes }) => {
        w.appendBytes(bytes);
      });
      w.appendTaggedFields();
    },
    read: (r) =>
      readPartitions(r, (topic, partition) => {
        const errorCode = r.readInt16();
        r.readInt64();
        r.readInt64();
        r.readInt64();
        const recordErrors = r.readArray(() => {
          r.readInt32();
          return r.readNullableString();
        });
        return { topic, partition, errorCode, errorMessage: r.readNullableString() ?? recordErrors[0] ?? null };
      }),
  };
}

export interface ProducerIdAnswer {
  readonly errorCode: number;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** With producer id and epoch: the next epoch, if that one is still the newest (KIP-360). With −1: fences whoever there is. */
export function initProducerId(
  transactionalId: string | null,
  transactionTimeoutMs: number,
  producerId: number,
  producerEpoch: number,
): KafkaRequest<ProducerIdAnswer> {
  return {
    name: 'InitProducerId',
    key: 22,
    version: 4,
    write(w) {
      w.appendString(transactionalId).appendInt32(transactionTimeoutMs);
      w.appendInt64(BigInt(producerId)).appendInt16(producerEpoch).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return { errorCode: r.readInt16(), producerId: Number(r.readInt64()), producerEpoch: r.readInt16() };
    },
  };
}
