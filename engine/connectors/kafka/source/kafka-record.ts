/** A whole Kafka record, as `setDeserializer` sees it. */
import { headersAt, keyOf, valueOf } from '../client/record-columns.ts';
import type { RecordColumns } from '../client/record-set.ts';

export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds; −1 where the producer set none. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  /** In the order they were written; a name may stand more than once. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

/** Headers are decoded when asked for. */
export class FetchedRecord implements KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly #bytes: Uint8Array;
  readonly #headersStart: number;
  readonly #headerCount: number;
  #headers: KafkaRecord['headers'] | null = null;

  constructor(topic: string, partition: number, columns: RecordColumns, row: number) {
    this.topic = topic;
    this.partition = partition;
    this.offset = columns.offsets[row]!;
    this.timestamp = columns.timestamps[row]!;
    this.key = keyOf(columns, row);
    this.value = valueOf(columns, row);
    // The columns are written over by the next fetch, the bytes are not.
    this.#bytes = columns.chunks[columns.chunk[row]!]!;
    this.#headersStart = columns.headersStart[row]!;
    this.#headerCount = columns.headerCount[row]!;
  }

  get headers(): KafkaRecord['headers'] {
    return (this.#headers ??= headersAt(this.#bytes, this.#headersStart, this.#headerCount, this.offset));
  }
}
