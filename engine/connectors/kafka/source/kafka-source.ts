/**
 * Records of Kafka topics:
 *
 *     KafkaSource.builder()
 *       .setBootstrapServers('localhost:9092')
 *       .setTopics('orders')
 *       .setGroupId('billing')
 *       .setStartingOffsets(OffsetsInitializer.earliest())
 *       .setValueOnlyDeserializer(jsonLines(orders))
 *       .build()
 *
 * One split a partition, `topic-partition`; position = offset; row timestamps are the records'. Consumer groups assign nothing here: the job's
 * checkpoint says what is read, and the group's offsets are committed behind it for lag tools.
 */
import { ConfigError } from '../../../model/errors.ts';
import type { KnownSplits, Source, SourceContext, SplitReader, SplitSpec } from '../../../ports/source.ts';
import type { ValueFormat } from '../../../formats/value-format.ts';
import type { KafkaClient, TopicPartition } from '../client/kafka-client.ts';
import type { BearerToken, KafkaClientLibrary, KafkaConnection } from '../client/kafka-connection.ts';
import { openKafkaClient } from '../client/open-kafka-client.ts';
import { connectionOfProperties, withoutEffectNotice } from '../connection-properties.ts';
import { badProperty } from '../connection/property-reader.ts';
import { FetchQueue } from './fetch-queue.ts';
import { GroupOffsets } from './group-offsets.ts';
import { KafkaSplitReader } from './kafka-split-reader.ts';
import { deleted, type Place } from './lost-partition.ts';
import type { KafkaRecord } from './kafka-record.ts';
import { OffsetsInitializer, type OffsetResetStrategy } from './offsets-initializer.ts';
import { PartitionDiscovery } from './partition-discovery.ts';
import type { RecordDeserializer } from './row-maker.ts';
import { rowsOfRecords, rowsOfValues, type RowMaking } from './row-making.ts';
import { SharedClient } from './shared-client.ts';
import { SOURCE_PROPERTIES, sourceProperties, type SourceProperties } from './source-properties.ts';
import { describe, isSubscribed, wholeName, type Subscription } from './subscription.ts';
import { partitionOf, unpackDetails } from './topic-partition.ts';

export interface KafkaSourceOptions {
  readonly connection: KafkaConnection;
  readonly properties: SourceProperties;
  /** Of the properties that were given, those that change nothing, in words. */
  readonly withoutEffect: string | null;
  readonly subscription: Subscription;
  readonly starting: OffsetsInitializer;
  readonly stopping: OffsetsInitializer | null;
  readonly bounded: boolean;
  readonly rows: RowMaking;
  readonly openClient: (connection: KafkaConnection) => Promise<KafkaClient>;
}

export class KafkaSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly bounded: boolean;
  readonly endless: boolean;
  readonly #options: KafkaSourceOptions;
  readonly #reset: OffsetResetStrategy;
  readonly #admin: SharedClient;
  /** By operator: a job may use one source twice, and each has read as far as it has. */
  readonly #discoveries = new Map<string, PartitionDiscovery>();
  readonly #data: SharedClient;
  readonly #queues = new Map<number, FetchQueue>();
  readonly #group: GroupOffsets | null;
  #readers = 0;

  static builder<T = never>(): KafkaSourceBuilder<T> {
    return new KafkaSourceBuilder<T>(NOTHING_SET);
  }

  /** Use `builder()`. */
  constructor(options: KafkaSourceOptions) {
    const { properties, connection, subscription, starting, stopping, bounded } = options;
    this.#options = options;
    this.#reset = properties.reset ?? starting.getAutoOffsetResetStrategy();
    this.bounded = bounded;
    this.endless = !bounded && stopping === null;
    this.description = `kafka ${describe(subscription)} from ${starting.description}`;
    // Requests of a connection are answered in order: a fetch that waits for records must not hold up other questions.
    this.#data = new SharedClient(() => options.openClient(connection));
    this.#admin = new SharedClient(() =>
      options.openClient({ ...connection, clientId: `${connection.clientId}-admin` }),
    );
    const { group, commitOffsets } = properties;
    this.#group = group !== null && commitOffsets ? new GroupOffsets(group, this.#admin) : null;
  }

  async validate(ctx: SourceContext): Promise<void> {
    if (this.#options.withoutEffect !== null)
      ctx.notice?.(`source ${ctx.operator}: ${this.#options.withoutEffect}`, { operator: ctx.operator });
    await this.#discovery(ctx).check(ctx);
    await this.#options.rows.open();
  }

  async discover(ctx: SourceContext, known: KnownSplits = new Map()): Promise<readonly SplitSpec[]> {
    return await this.#discovery(ctx).splits(ctx, known);
  }

  async open(split: SplitSpec, position: number, ctx: SourceContext): Promise<SplitReader> {
    const place = { operator: ctx.operator, split: split.id, ...partitionOf(split.id), position };
    const { rows, properties, subscription } = this.#options;
    if (!isSubscribed(subscription, place)) {
      ctx.notice?.(`source ${ctx.operator} does not read split ${split.id} any more: it is not subscribed to`, {
        split: split.id,
        position,
      });
      return new EndedReader();
    }
    await rows.open();
    const client = await this.#data.acquire();
    const discovery = this.#discovery(ctx);
    return new KafkaSplitReader({
      ...place,
      ...unpackDetails(split.details),
      rows: rows.maker(place.topic, place.partition),
      queue: this.#queueOf(discovery.leader(place), client, ctx),
      clock: ctx.clock,
      isolation: properties.isolation,
      reset: this.#reset,
      topicIdNow: () => discovery.topicId(place.topic),
      gone: (at, latest) => this.#gone(at, latest, ctx),
      notice: (text, data) => ctx.notice?.(text, data),
      closed: () => this.#closed(),
    });
  }

  committed(positions: ReadonlyMap<string, number>, ctx: SourceContext): void {
    if (this.#group === null) return;
    const offsets = [...positions].map(([id, offset]) => ({ ...partitionOf(id), offset, metadata: '' }));
    const discovery = this.#discovery(ctx);
    this.#group.commit(
      offsets.filter(({ topic }) => discovery.knows(topic)),
      ctx,
    );
  }

  async close(): Promise<void> {
    await this.#group?.close();
  }

  #discovery({ operator }: SourceContext): PartitionDiscovery {
    let discovery = this.#discoveries.get(operator);
    if (discovery === undefined) {
      const { subscription, starting, stopping, bounded, properties } = this.#options;
      const { group, isolation, discoveryMs: intervalMs } = properties;
      const settings = { subscription, starting, stopping, group, isolation, reset: this.#reset, bounded, intervalMs };
      discovery = new PartitionDiscovery(settings, this.#admin);
      this.#discoveries.set(operator, discovery);
    }
    return discovery;
  }

  #queueOf(leader: number, client: KafkaClient, { clock }: SourceContext): FetchQueue {
    this.#readers++;
    const queue = this.#queues.get(leader) ?? new FetchQueue(client, clock, this.#options.properties);
    this.#queues.set(leader, queue);
    return queue;
  }

  /** The queues belong to the client, which closes after its last reader. */
  async #closed(): Promise<void> {
    if (--this.#readers === 0) this.#queues.clear();
    await this.#data.release();
  }

  /** A topic that is named must be there; one that a pattern found may go, and its splits end, if another one of that name would be noticed. */
  async #gone(place: Place, latest: number | null, ctx: SourceContext): Promise<boolean> {
    const discovery = this.#discovery(ctx);
    const told = discovery.topicId(place.topic) !== null;
    if (await discovery.exists(partitionOf(place.split))) return false;
    if (this.bounded || this.#options.subscription.kind !== 'pattern' || !told) throw deleted(place, latest);
    const unread = latest === null ? 0 : Math.max(0, latest - place.position);
    ctx.notice?.(`source ${ctx.operator}: topic "${place.topic}" was deleted; split ${place.split} ends`, {
      position: place.position,
      unread,
    });
    return true;
  }
}

class EndedReader implements SplitReader {
  fill(): 'end' {
    return 'end';
  }
  release(): void {}
  endPosition(): number | null {
    return null;
  }
  async close(): Promise<void> {}
}

interface BuilderSettings {
  readonly properties: Readonly<Record<string, string>>;
  readonly subscription: Subscription | null;
  readonly starting: OffsetsInitializer;
  readonly stopping: OffsetsInitializer | null;
  readonly bounded: boolean;
  readonly rows: RowMaking | null;
  readonly client: KafkaClientLibrary | null;
  readonly token: (() => Promise<BearerToken>) | null;
  readonly openClient: (connection: KafkaConnection) => Promise<KafkaClient>;
}

const NOTHING_SET: BuilderSettings = {
  properties: {},
  subscription: null,
  starting: OffsetsInitializer.earliest(),
  stopping: null,
  bounded: false,
  rows: null,
  client: null,
  token: null,
  openClient: openKafkaClient,
};

/** Immutable: each method answers another builder. */
export class KafkaSourceBuilder<T> {
  readonly #settings: BuilderSettings;

  /** Use `KafkaSource.builder()`. */
  constructor(settings: BuilderSettings) {
    this.#settings = settings;
  }

  /** `host:port`, several with commas. */
  setBootstrapServers(servers: string): KafkaSourceBuilder<T> {
    return this.setProperty('bootstrap.servers', servers);
  }

  setTopics(...topics: readonly string[]): KafkaSourceBuilder<T> {
    return this.#subscribe({ kind: 'topics', topics });
  }

  /** All topics whose whole name matches, those that appear later too. */
  setTopicPattern(pattern: RegExp | string): KafkaSourceBuilder<T> {
    return this.#subscribe({ kind: 'pattern', pattern: wholeName(pattern) });
  }

  setPartitions(...partitions: readonly TopicPartition[]): KafkaSourceBuilder<T> {
    return this.#subscribe({ kind: 'partitions', partitions });
  }

  /** Whose offsets are committed after each epoch, for others to see. */
  setGroupId(group: string): KafkaSourceBuilder<T> {
    return this.setProperty('group.id', group);
  }

  /** Where a job begins that has read nothing yet. Default: earliest. */
  setStartingOffsets(starting: OffsetsInitializer): KafkaSourceBuilder<T> {
    return this.#with({ starting });
  }

  /** Ends each partition at this offset, fixed when the partition is found; the job ends with its input. */
  setBounded(stopping: OffsetsInitializer): KafkaSourceBuilder<T> {
    return this.#with({ stopping, bounded: true });
  }

  /** A stream that stops at these offsets: as `setBounded`, but new partitions are looked for meanwhile. */
  setUnbounded(stopping: OffsetsInitializer): KafkaSourceBuilder<T> {
    return this.#with({ stopping, bounded: false });
  }

  /** Rows are the records' values, in this format: `jsonLines(schema)`, `textLines()`, Avro … Records without a value are passed over. */
  setValueOnlyDeserializer<U>(format: ValueFormat<U>): KafkaSourceBuilder<U> {
    return new KafkaSourceBuilder<U>({ ...this.#settings, rows: rowsOfValues(format) });
  }

  /** Rows are made of whole records: topic, partition, offset, timestamp, headers, key and value. What it throws makes the record a bad one. */
  setDeserializer<U>(deserializer: RecordDeserializer<U> | ((record: KafkaRecord) => U)): KafkaSourceBuilder<U> {
    const rows = rowsOfRecords(typeof deserializer === 'function' ? { deserialize: deserializer } : deserializer);
    return new KafkaSourceBuilder<U>({ ...this.#settings, rows });
  }

  /** A Kafka client property, as Java's consumers name it. */
  setProperty(name: string, value: string): KafkaSourceBuilder<T> {
    return this.setProperties({ [name]: value });
  }

  setProperties(properties: Readonly<Record<string, string>>): KafkaSourceBuilder<T> {
    return this.#with({ properties: { ...this.#settings.properties, ...properties } });
  }

  setClientIdPrefix(prefix: string): KafkaSourceBuilder<T> {
    return this.setProperty('client.id.prefix', prefix);
  }

  /** The library that carries the requests. */
  setClient(client: KafkaClientLibrary): KafkaSourceBuilder<T> {
    return this.#with({ client });
  }

  /** Where OAUTHBEARER tokens come from. */
  setTokenProvider(token: () => Promise<BearerToken>): KafkaSourceBuilder<T> {
    return this.#with({ token });
  }

  /** Tests: another client. @internal */
  withClient(openClient: (connection: KafkaConnection) => Promise<KafkaClient>): KafkaSourceBuilder<T> {
    return this.#with({ openClient });
  }

  build(): KafkaSource<T> {
    const { subscription, starting, stopping, bounded, rows, client, token, openClient } = this.#settings;
    if (subscription === null)
      throw new ConfigError(
        'KafkaSource has no topics: call setTopics("orders"), setTopicPattern() or setPartitions().',
      );
    if (rows === null)
      throw new ConfigError(
        'KafkaSource has no deserializer: call setValueOnlyDeserializer(jsonLines()) or setDeserializer(fn).',
      );
    const properties = sourceProperties(this.#settings.properties);
    const { group, clientIdPrefix } = properties;
    if (group === null && (starting.needsGroup === true || stopping?.needsGroup === true))
      throw new ConfigError('KafkaSource asks for committed offsets, but has no group: call setGroupId().');
    const { connection, withoutEffect } = connectionOfProperties(this.#settings.properties, {
      clientId: clientIdPrefix ?? group ?? 'millrace',
      readElsewhere: SOURCE_PROPERTIES,
      ...(client === null ? {} : { client }),
      ...(token === null ? {} : { token }),
    });
    if (properties.maxWaitMs >= connection.requestTimeoutMs)
      throw badProperty(
        'fetch.max.wait.ms',
        `is ${properties.maxWaitMs}: it must be less than request.timeout.ms (${connection.requestTimeoutMs}), or a fetch that waits for records counts as lost`,
      );
    return new KafkaSource<T>({
      connection,
      properties,
      withoutEffect: withoutEffectNotice(withoutEffect),
      subscription,
      starting,
      stopping,
      bounded,
      rows,
      openClient,
    });
  }

  #subscribe(subscription: Subscription): KafkaSourceBuilder<T> {
    if (this.#settings.subscription !== null)
      throw new ConfigError(
        `KafkaSource reads ${describe(this.#settings.subscription)} already: call one of setTopics, setTopicPattern and setPartitions, once.`,
      );
    const empty =
      (subscription.kind === 'topics' && subscription.topics.length === 0) ||
      (subscription.kind === 'partitions' && subscription.partitions.length === 0);
    if (empty) throw new ConfigError(`KafkaSource: the list of ${subscription.kind} is empty.`);
    return this.#with({ subscription });
  }

  #with(change: Partial<BuilderSettings>): KafkaSourceBuilder<T> {
    return new KafkaSourceBuilder({ ...this.#settings, ...change });
  }
}
