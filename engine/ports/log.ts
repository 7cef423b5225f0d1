/**
 * A durable, partitioned log: topics of partitions of records with offsets. Embedded on disk now; Kafka behind the same port.
 * Implementations pass one contract suite.
 */
export interface LogRecord {
  readonly offset: number;
  /** Append time or the producer's time, epoch milliseconds. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

export interface NewLogRecord {
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly (readonly [string, Uint8Array])[];
}

export interface TopicInfo {
  readonly name: string;
  readonly partitions: number;
}

/** Says which publication a batch belongs to; stored atomically with it, so that a repeat is recognised (E5). */
export interface AppendMarker {
  /** `<job>/<sink>/<slot>` */
  readonly producer: string;
  readonly run: string;
  readonly epoch: number;
}

export interface Log {
  topics(): Promise<readonly TopicInfo[]>;
  createTopic(name: string, partitions: number): Promise<'created' | 'exists'>;
  deleteTopic(name: string): Promise<void>;
  /** First retained offset, and the offset after the last record. */
  offsets(topic: string, partition: number): Promise<{ readonly earliest: number; readonly latest: number }>;
  /** First offset whose timestamp is at or after `timestampMs`; `latest` when there is none. */
  offsetForTime(topic: string, partition: number, timestampMs: number): Promise<number>;
  /**
   * Records from offset `from`, at least one if there is one below `to`, about `maxBytes` at most.
   * Throws RetryableError naming topic, partition and the retained range when `from` is out of range.
   */
  fetch(topic: string, partition: number, from: number, to: number, maxBytes: number): Promise<readonly LogRecord[]>;
  /** Appends to several partitions, all or nothing, durable when it resolves. */
  append(
    batches: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly records: readonly NewLogRecord[];
    }[],
    marker?: AppendMarker,
  ): Promise<void>;
  /** The last marker that `append` stored for this producer, or null. */
  lastMarker(producer: string): Promise<AppendMarker | null>;
  /**
   * Stores a marker with no records (a restore stamps its slots before the first plan). One of this run at or beyond it stays; one
   * of a later run (run ids compare as strings) is a FencedError, decided in the same step.
   */
  stamp(marker: AppendMarker): Promise<void>;
  /** Drops whole old segments: those older than `retainMs` and those beyond `retainBytes` per partition. */
  retain(
    topic: string,
    limits: { readonly retainMs?: number; readonly retainBytes?: number },
    nowMs: number,
  ): Promise<void>;
  close(): Promise<void>;
}
