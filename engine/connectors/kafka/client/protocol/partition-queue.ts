/**
 * What one partition has yet to be sent, cut into record batches. A batch keeps its sequence number and bytes until it is acknowledged, so that the
 * broker knows it again; the next is encoded while it is under way.
 */
import { ConfigError } from '../../../../model/errors.ts';
import type { Codec } from '../compression.ts';
import type { Compression, NewKafkaRecord, TopicPartition } from '../kafka-client.ts';
import { encodeRecordBatch, recordBytesBound } from '../record-batch-encoder.ts';
import type { Patience } from '../patience.ts';
import { partitionId } from './requests/kafka-request.ts';

/** Below the brokers' default for max.message.bytes (1,048,588). */
const MAX_BATCH_BYTES = 900 * 1024;

export interface BatchIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly transactional: boolean;
}

interface EncodedBatch {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

export class PartitionQueue implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** Of the batch at the head; a new one for each batch. */
  patience: Patience | null = null;
  readonly #records: readonly NewKafkaRecord[];
  readonly #identity: BatchIdentity;
  readonly #compression: Compression;
  readonly #codec: Codec;
  readonly #firstSequence: number;
  #acknowledged = 0;
  #head: EncodedBatch | null = null;
  #next: EncodedBatch | null = null;
  #maxBytes = MAX_BATCH_BYTES;

  constructor(
    { topic, partition }: TopicPartition,
    records: readonly NewKafkaRecord[],
    firstSequence: number,
    identity: BatchIdentity,
    compression: Compression,
    codec: Codec,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#records = records;
    this.#firstSequence = firstSequence;
    this.#identity = identity;
    this.#compression = compression;
    this.#codec = codec;
  }

  get empty(): boolean {
    return this.#acknowledged === this.#records.length;
  }
  /** Of the record after the last acknowledged one. */
  get nextSequence(): number {
    return sequenceAfter(this.#firstSequence, this.#acknowledged);
  }

  /** The batch at the head, the same until it is acknowledged or halved. */
  batch(): Uint8Array {
    this.#head ??= this.#next ?? this.#encode(this.#acknowledged);
    this.#next = null;
    return this.#head.bytes;
  }

  /** Encodes the batch after the head, for later. */
  prepareNext(): void {
    const to = this.#head?.to ?? this.#acknowledged;
    if (this.#next === null && to < this.#records.length) this.#next = this.#encode(to);
  }

  acknowledge(): void {
    this.#acknowledged = this.#head!.to;
    this.#head = null;
    this.patience = null;
  }

  /** The topic takes only smaller batches. */
  halve(): void {
    const { from, to, bytes } = this.#head!;
    if (to - from === 1)
      throw new ConfigError(
        `A record of ${bytes.length} bytes is larger than Kafka topic ${this.topic} takes. Raise its max.message.bytes, or make the record smaller.`,
        { topic: this.topic, partition: this.partition, bytes: bytes.length },
      );
    this.#maxBytes = Math.max(Math.floor(this.#boundOf(from, to) / 2), 1);
    this.#head = null;
    this.#next = null;
  }

  toString(): string {
    return partitionId(this.topic, this.partition);
  }

  #encode(from: number): EncodedBatch {
    let to = from + 1;
    let bound = recordBytesBound(this.#records[from]!);
    for (; to < this.#records.length; to++) {
      bound += recordBytesBound(this.#records[to]!);
      if (bound > this.#maxBytes) break;
    }
    const { producerId, producerEpoch, transactional } = this.#identity;
    const sequence = sequenceAfter(this.#firstSequence, from);
    const producer = { id: producerId, epoch: producerEpoch, sequence, transactional };
    const bytes = encodeRecordBatch(this.#records, from, to, producer, this.#compression, this.#codec);
    return { from, to, bytes };
  }

  #boundOf(from: number, to: number): number {
    let bound = 0;
    for (let i = from; i < to; i++) bound += recordBytesBound(this.#records[i]!);
    return bound;
  }
}

/** Sequence numbers wrap after 2^31 − 1. */
function sequenceAfter(sequence: number, records: number): number {
  return (sequence + records) % 0x8000_0000;
}
