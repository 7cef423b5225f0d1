/** For tests: a cluster of one broker in memory, as much of it as a source asks for. Records come as real record batches. */
import { ConfigError } from '../../../model/errors.ts';
import { loadCodec } from '../client/compression.ts';
import type {
  CommittedOffset,
  FetchAnswer,
  FetchOptions,
  FetchRequest,
  Isolation,
  KafkaClient,
  NewKafkaRecord,
  OffsetSpec,
  TopicMetadata,
  TopicPartition,
} from '../client/kafka-client.ts';
import { encodeRecordBatch } from '../client/record-batch-encoder.ts';
import { splitIdOf } from './topic-partition.ts';

interface Stored {
  readonly base: number;
  readonly last: number;
  readonly timestamp: number;
  readonly bytes: Uint8Array;
}

export class FakePartition {
  readonly batches: Stored[] = [];
  start = 0;
  end = 0;
  /** Null: the end. */
  lastStable: number | null = null;
  /** The next answers come without records, although there are some: tiered storage that is slow. */
  silences = 0;

  get latest(): number {
    return this.lastStable ?? this.end;
  }
}

/** A value alone, or more of a record. */
export type FakeRecord = string | null | Partial<NewKafkaRecord>;

export class FakeKafka {
  readonly topics = new Map<string, { id: string; readonly partitions: FakePartition[] }>();
  readonly groupOffsets = new Map<string, number>();
  readonly fetches: { readonly requests: readonly FetchRequest[]; readonly options: FetchOptions }[] = [];
  /** Thrown by the next requests of this kind. */
  readonly failures: { readonly what: 'fetch' | 'commit' | 'topics'; readonly error: unknown }[] = [];
  open = 0;
  #ids = 0;

  create(topic: string, partitions = 1): void {
    this.topics.set(topic, {
      id: `id-${++this.#ids}`,
      partitions: Array.from({ length: partitions }, () => new FakePartition()),
    });
  }

  partition({ topic, partition }: TopicPartition): FakePartition | undefined {
    return this.topics.get(topic)?.partitions[partition];
  }

  /** One batch. `gap`: offsets that it leaves out before it. */
  async append(at: TopicPartition, records: readonly FakeRecord[], gap = 0): Promise<void> {
    const log = this.partition(at)!;
    const base = log.end + gap;
    const whole = records.map((record, i): NewKafkaRecord => {
      const given =
        record === null || typeof record === 'string'
          ? { value: record === null ? null : Buffer.from(record) }
          : record;
      return { timestamp: 1000 + base + i, key: null, value: null, headers: [], ...given };
    });
    const nobody = { id: -1, epoch: -1, sequence: -1, transactional: false };
    const bytes = Buffer.from(encodeRecordBatch(whole, 0, whole.length, nobody, 'none', await loadCodec('none')));
    bytes.writeBigInt64BE(BigInt(base), 0);
    const last = base + whole.length - 1;
    log.batches.push({ base, last, timestamp: whole[0]!.timestamp, bytes });
    log.end = last + 1;
  }

  client = async (): Promise<KafkaClient> => {
    this.open++;
    const refused = async (): Promise<never> => {
      throw new Error('not asked for by a source');
    };
    return {
      topics: async (names) => this.#topics(names),
      offsets: async (partitions, at, isolation) => partitions.map((each) => this.#offset(each, at, isolation)),
      fetch: async (requests, options) => this.#fetch(requests, options),
      committed: async (group, partitions) =>
        partitions.map((each) => {
          const offset = this.groupOffsets.get(`${group} ${splitIdOf(each)}`);
          return offset === undefined ? null : { ...each, offset, metadata: '' };
        }),
      commitOffsets: async (group, offsets) => this.#commit(group, offsets),
      createTopic: refused,
      deleteTopic: refused,
      createPartitions: refused,
      deleteGroup: refused,
      brokerSetting: refused,
      producer: refused,
      transactionalProducer: refused,
      listTransactions: refused,
      close: async () => void this.open--,
    };
  };

  #topics(names: readonly string[] | null): TopicMetadata[] {
    this.#fail('topics');
    return [...this.topics]
      .filter(([name]) => names === null || names.includes(name))
      .map(([name, { id, partitions }]) => ({
        name,
        id,
        internal: name.startsWith('__'),
        leaders: partitions.map(() => 1),
      }));
  }

  #offset(each: TopicPartition, at: OffsetSpec, isolation: Isolation): number {
    const log = this.#existing(each);
    if (at === 'earliest') return log.start;
    if (at === 'latest') return isolation === 'read_committed' ? log.latest : log.end;
    return log.batches.find(({ timestamp }) => timestamp >= at.timestampMs)?.base ?? log.latest;
  }

  async #fetch(requests: readonly FetchRequest[], options: FetchOptions): Promise<FetchAnswer[]> {
    this.fetches.push({ requests, options });
    this.#fail('fetch');
    const answers = requests.map((request) => this.#answer(request, options));
    const nothing = answers.every((answer) => answer.kind === 'records' && answer.records.bytes.length === 0);
    await new Promise((resolve) => setTimeout(resolve, nothing ? Math.min(options.maxWaitMs, 5) : 0));
    return answers;
  }

  #answer(request: FetchRequest, { isolation, maxBytes }: FetchOptions): FetchAnswer {
    const log = this.#existing(request);
    if (request.from < log.start || request.from > log.end)
      return { kind: 'out-of-range', earliest: log.start, latest: log.end };
    const visible = isolation === 'read_committed' ? log.latest : log.end;
    const sent: Uint8Array[] = [];
    const silent = log.silences > 0;
    if (silent) log.silences--;
    for (const { last, bytes } of log.batches)
      if (
        !silent &&
        last >= request.from &&
        last < visible &&
        (sent.length === 0 || sizeOf(sent) + bytes.length <= maxBytes)
      )
        sent.push(bytes);
    return {
      kind: 'records',
      records: { bytes: Buffer.concat(sent), aborted: null },
      highWatermark: log.end,
      lastStableOffset: log.latest,
      logStartOffset: log.start,
    };
  }

  #commit(group: string, offsets: readonly CommittedOffset[]): void {
    this.#fail('commit');
    for (const each of offsets) this.groupOffsets.set(`${group} ${splitIdOf(each)}`, each.offset);
  }

  #existing(each: TopicPartition): FakePartition {
    const log = this.partition(each);
    if (log === undefined) throw new ConfigError(`there is no ${splitIdOf(each)}`);
    return log;
  }

  #fail(what: string): void {
    const at = this.failures.findIndex((failure) => failure.what === what);
    if (at >= 0) throw this.failures.splice(at, 1)[0]!.error;
  }
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
