/**
 * What the Kafka connector asks of a client library. Every implementation passes one contract suite; connections are opened when needed
 * and re-opened after they died. Offsets, producer ids and epochs are numbers (below 2^53).
 *
 * Errors: transient broker errors (no leader, coordinator loading, CONCURRENT_TRANSACTIONS, connection loss …) are tried again until
 * `KafkaConnection.retryForMs` has passed, then RetryableError; fenced producers FencedError; refused credentials, missing topics and
 * rights ConfigError; a request that may or may not have taken effect UnknownOutcomeError. Messages name topic, partition and broker.
 */
import type { RecordSet } from './record-set.ts';

export type Isolation = 'read_committed' | 'read_uncommitted';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface TopicMetadata {
  readonly name: string;
  /** Internal topics of the broker (`__consumer_offsets`). */
  readonly internal: boolean;
  /** By partition number: the leader's node id, −1 while there is none. */
  readonly leaders: readonly number[];
  /** Another one: the topic was deleted and created again. Absent or null where the library does not tell. */
  readonly id?: string | null;
}

/** `latest` is the high watermark; with read_committed the last stable offset. Timestamps: epoch milliseconds. */
export type OffsetSpec = 'earliest' | 'latest' | { readonly timestampMs: number };

export interface FetchOptions {
  /** About this many bytes at most; one record batch comes whole, however large. */
  readonly maxBytes: number;
  /** How long the broker may wait for a first byte. */
  readonly maxWaitMs: number;
  readonly isolation: Isolation;
}

export interface FetchRequest extends TopicPartition {
  readonly from: number;
  /** As in `TopicMetadata`. A topic of this name with another id is not read: ConfigError, where the library can tell. */
  readonly topicId?: string | null;
}

export type FetchAnswer =
  | {
      readonly kind: 'records';
      /** Undecoded; may hold records before `from`, control batches and aborted records: `RecordSet` passes over them. */
      readonly records: RecordSet;
      readonly highWatermark: number;
      readonly lastStableOffset: number;
      readonly logStartOffset: number;
    }
  | { readonly kind: 'out-of-range'; readonly earliest: number; readonly latest: number };

export interface CommittedOffset extends TopicPartition {
  readonly offset: number;
  readonly metadata: string;
}

export interface NewKafkaRecord {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface ProduceBatch extends TopicPartition {
  /** Any number: the client cuts them into record batches that the topic takes. A record that is too large alone is a ConfigError. */
  readonly records: readonly NewKafkaRecord[];
}

export interface TransactionListing {
  readonly transactionalId: string;
  readonly producerId: number;
  /** 'Ongoing', 'PrepareCommit', 'CompleteCommit', 'Empty' … */
  readonly state: string;
}

export interface KafkaClient {
  /** Topics by name, or all. Names that do not exist are missing from the answer. */
  topics(names: readonly string[] | null): Promise<readonly TopicMetadata[]>;
  /** 'exists' when it was there already. */
  createTopic(
    name: string,
    partitions: number,
    replicationFactor: number,
    configs: Readonly<Record<string, string>>,
  ): Promise<'created' | 'exists'>;
  deleteTopic(name: string): Promise<void>;
  createPartitions(topic: string, total: number): Promise<void>;
  /** One offset a partition, in order. A timestamp beyond the last record gives the end. */
  offsets(partitions: readonly TopicPartition[], at: OffsetSpec, isolation: Isolation): Promise<readonly number[]>;
  /** One answer a request, in order. Requests to one leader travel together. */
  fetch(requests: readonly FetchRequest[], options: FetchOptions): Promise<readonly FetchAnswer[]>;
  /** What the group has committed for these partitions; with `requireStable` pending transactions are waited for. Null: nothing. */
  committed(
    group: string,
    partitions: readonly TopicPartition[],
    requireStable: boolean,
  ): Promise<readonly (CommittedOffset | null)[]>;
  /** Commits for a group that has no members (generation −1). */
  commitOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void>;
  deleteGroup(group: string): Promise<void>;
  /** A broker's effective setting, e.g. `transaction.max.timeout.ms`. Null where the broker does not say. */
  brokerSetting(name: string): Promise<string | null>;
  /** Idempotent, without transactions. */
  producer(): Promise<KafkaProducer>;
  /** InitProducerId: fences every earlier producer of this id and aborts what it left open. */
  transactionalProducer(transactionalId: string, transactionTimeoutMs: number): Promise<TransactionalProducer>;
  listTransactions(): Promise<readonly TransactionListing[]>;
  close(): Promise<void>;
}

export interface KafkaProducer {
  /** With acks=all; resolves when every batch is acknowledged. A lost answer is repeated with the same sequence numbers: no duplicate. */
  send(batches: readonly ProduceBatch[], compression: Compression): Promise<void>;
  close(): Promise<void>;
}

/**
 * One transaction after the other; one opens with the first `send` or `sendOffsets`. After a `send` that failed it can only be aborted. After a
 * FencedError, an UnknownOutcomeError, or a RetryableError that says that the broker aborted the transaction (it was open for longer than its
 * timeout) the producer is spent: each call throws the same again, but `abort`, which has nothing left to do unless the outcome is unknown. Open
 * another one. `close` aborts nothing: what is open is left to its timeout, and holds read_committed readers up until then.
 */
export interface TransactionalProducer extends KafkaProducer {
  /** Offsets that become visible with the transaction. */
  sendOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void>;
  /**
   * Ends the transaction. A lost answer is asked for again; where it cannot be had, UnknownOutcomeError. After a commit the producer's epoch is
   * consumed (EndTxn v5, or another InitProducerId), so that nothing of this producer that arrives late can open a transaction.
   */
  commit(): Promise<void>;
  abort(): Promise<void>;
}
