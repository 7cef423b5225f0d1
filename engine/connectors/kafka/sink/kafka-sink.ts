/**
 * Rows as Kafka records (ARCHITECTURE section 6): staged with the epoch, published after its commit.
 *
 *     KafkaSink.builder<Total>()
 *       .setBootstrapServers('broker:9092')
 *       .setRecordSerializer({ topic: 'totals', key: (t) => t.customer, value: (t) => JSON.stringify(t) })
 *       .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
 *       .build()
 *
 * EXACTLY_ONCE writes an epoch's records of a slot in one short transaction with the marker of the epoch; readers need
 * `isolation.level=read_committed`. AT_LEAST_ONCE and NONE write without: after a crash, or an answer that was lost, an epoch may come twice.
 */
import { ConfigError } from '../../../model/errors.ts';
import type { DeliveryGuarantee, Sink, SinkContext, SinkPublisher, SinkWriter } from '../../../ports/sink.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { BearerToken, KafkaClientLibrary } from '../client/kafka-connection.ts';
import { openKafkaClient } from '../client/open-kafka-client.ts';
import { connectionOfProperties, withoutEffectNotice } from '../connection-properties.ts';
import { checkTopics, checkTransactions } from './check-cluster.ts';
import { IdempotentPublisher } from './idempotent-publisher.ts';
import { KafkaWriter, recordOfParts, recordOfSchema, type ToRecord } from './kafka-writer.ts';
import { producerSettingsOf, SINK_PROPERTIES, type ProducerSettings } from './producer-properties.ts';
import type { KafkaRecordSerializationSchema, RecordSerializer } from './serialization.ts';
import type { MarkerPlace } from './slot-marker.ts';
import { TransactionalPublisher } from './transactional-publisher.ts';

interface KafkaSinkOptions<T> {
  readonly guarantee: DeliveryGuarantee;
  readonly serializer: RecordSerializer<T> | KafkaRecordSerializationSchema<T>;
  readonly settings: ProducerSettings;
  /** Null: made of job and sink. */
  readonly transactionalIdPrefix: string | null;
  /** An existing topic, to whose partition 0 the markers belong. Null: the serializer's topic. */
  readonly markerTopic: string | null;
  readonly notice: string | null;
  readonly openClient: () => Promise<KafkaClient>;
}

export class KafkaSink<T> implements Sink<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly stagedForm = 'Kafka records';
  readonly guarantee: DeliveryGuarantee;
  readonly notice: string | null;
  readonly concurrentSlots = true;
  /** Markers expire. */
  readonly needsRefresh: boolean;
  /** Sinks of one prefix would fence each other, and find each other's markers. */
  readonly target?: string;
  private readonly options: KafkaSinkOptions<T>;
  /** Null where every row names its own. */
  private readonly topic: string | null;
  /** Only a partitioner of the user's asks for it. */
  private partitionCounts: ReadonlyMap<string, number> = new Map();

  static builder<T = unknown>(): KafkaSinkBuilder<T> {
    return new KafkaSinkBuilder<T>({ ...NOTHING_SET, serializer: null });
  }

  /** Use `builder()`. */
  constructor(options: KafkaSinkOptions<T>) {
    const { serializer } = options;
    this.options = options;
    this.guarantee = options.guarantee;
    this.notice = options.notice;
    this.needsRefresh = options.guarantee === 'EXACTLY_ONCE';
    const prefix = options.transactionalIdPrefix;
    if (prefix !== null && this.needsRefresh) this.target = `the transactional ids "${prefix}-…" of Kafka`;
    this.topic = 'topic' in serializer && typeof serializer.topic === 'string' ? serializer.topic : null;
    this.description = `kafka ${this.topic ?? '(topic by row)'}`;
  }

  async validate(ctx: SinkContext): Promise<void> {
    await this.openSchemas();
    const client = await this.options.openClient();
    try {
      const place = this.guarantee === 'EXACTLY_ONCE' ? this.placeOf(ctx) : null;
      await checkTopics(client, ctx, this.topic, place);
      if (place !== null) await checkTransactions(client, ctx, place, this.options.settings);
    } finally {
      await client.close();
    }
  }

  async open(): Promise<void> {
    await this.openSchemas();
    const { serializer } = this.options;
    if ('serialize' in serializer || serializer.partitioner === undefined) return;
    const client = await this.options.openClient();
    try {
      const topics = await client.topics(this.topic === null ? null : [this.topic]);
      this.partitionCounts = new Map(topics.map(({ name, leaders }) => [name, leaders.length]));
    } finally {
      await client.close();
    }
  }

  writer(ctx: SinkContext): SinkWriter<T> {
    return new KafkaWriter(this.toRecord(), ctx.clock, this.options.settings.maxRequestBytes);
  }

  async publisher(ctx: SinkContext): Promise<SinkPublisher> {
    const client = await this.options.openClient();
    const { settings } = this.options;
    return this.guarantee === 'EXACTLY_ONCE'
      ? new TransactionalPublisher(client, ctx, this.placeOf(ctx), settings)
      : new IdempotentPublisher(client, ctx, settings);
  }

  private toRecord(): ToRecord<T> {
    const { serializer } = this.options;
    return 'serialize' in serializer ? recordOfSchema(serializer) : recordOfParts(serializer, this.partitionCounts);
  }

  private async openSchemas(): Promise<void> {
    const { serializer } = this.options;
    if ('serialize' in serializer) return await serializer.open?.();
    for (const schema of [serializer.key, serializer.value])
      if (schema !== undefined && typeof schema !== 'function') await schema.open?.();
  }

  private placeOf(ctx: SinkContext): MarkerPlace {
    const topic = this.options.markerTopic ?? this.topic;
    if (topic === null)
      throw new ConfigError(
        `Sink ${ctx.sink}: the rows name their topics themselves, so the sink's markers need a topic of their own: call setMarkerTopic("name") with a topic that exists. Nothing is written to it; offsets of groups are kept for its partition 0.`,
        { sink: ctx.sink },
      );
    return { transactionalIdPrefix: this.options.transactionalIdPrefix ?? `${ctx.job}-${ctx.sink}`, topic };
  }
}

interface Parts<T> {
  readonly properties: Readonly<Record<string, string>>;
  readonly serializer: RecordSerializer<T> | KafkaRecordSerializationSchema<T> | null;
  readonly guarantee: DeliveryGuarantee;
  readonly transactionalIdPrefix: string | null;
  readonly markerTopic: string | null;
  readonly client: KafkaClientLibrary | null;
  readonly token: (() => Promise<BearerToken>) | null;
  readonly openClient: (() => Promise<KafkaClient>) | null;
}

const GUARANTEES: readonly DeliveryGuarantee[] = ['NONE', 'AT_LEAST_ONCE', 'EXACTLY_ONCE'];
const NAME = /^[a-zA-Z0-9._-]{1,200}$/;

/** Flink's builder. Immutable: each method answers another one. */
export class KafkaSinkBuilder<T> {
  private readonly parts: Parts<T>;

  constructor(parts: Parts<T>) {
    this.parts = parts;
  }

  /** `host:port`, several with commas. */
  setBootstrapServers(servers: string): KafkaSinkBuilder<T> {
    return this.setProperty('bootstrap.servers', servers);
  }
  /** How a row becomes a record: in parts, by `KafkaRecordSerializationSchema.builder()`, or by a schema of one's own. */
  setRecordSerializer(serializer: RecordSerializer<T> | KafkaRecordSerializationSchema<T>): KafkaSinkBuilder<T>;
  setRecordSerializer<U>(serializer: RecordSerializer<U> | KafkaRecordSerializationSchema<U>): KafkaSinkBuilder<U>;
  setRecordSerializer<U>(serializer: RecordSerializer<U> | KafkaRecordSerializationSchema<U>): KafkaSinkBuilder<U> {
    return new KafkaSinkBuilder<U>({ ...this.parts, serializer });
  }
  /** Default, unlike Flink: EXACTLY_ONCE. */
  setDeliveryGuarantee(guarantee: DeliveryGuarantee): KafkaSinkBuilder<T> {
    if (!GUARANTEES.includes(guarantee))
      throw new ConfigError(
        `KafkaSink: the delivery guarantee is one of ${GUARANTEES.join(', ')}; got ${JSON.stringify(guarantee)}.`,
      );
    return this.with({ guarantee });
  }
  /**
   * Of the transactional ids and marker groups, `<prefix>-<slot>`. One sink's own in the whole cluster, and the same for the job's whole life.
   * Default: `<job>-<uid of the sink>`.
   */
  setTransactionalIdPrefix(transactionalIdPrefix: string): KafkaSinkBuilder<T> {
    if (!NAME.test(transactionalIdPrefix))
      throw new ConfigError(
        `KafkaSink: the transactional id prefix is 1 to 200 of a-z A-Z 0-9 . _ -; got ${JSON.stringify(transactionalIdPrefix)}.`,
      );
    return this.with({ transactionalIdPrefix });
  }
  /** A topic that exists, for the markers' group offsets. Default: the topic, where there is one for all rows. The same for the job's whole life. */
  setMarkerTopic(markerTopic: string): KafkaSinkBuilder<T> {
    return this.with({ markerTopic });
  }
  /** A producer property by Java's name, e.g. `compression.type`, `security.protocol`. */
  setProperty(name: string, value: string): KafkaSinkBuilder<T> {
    return this.setProperties({ [name]: value });
  }
  setProperties(properties: Readonly<Record<string, string>>): KafkaSinkBuilder<T> {
    return this.with({ properties: { ...this.parts.properties, ...properties } });
  }
  /** Flink's older name of `setProperties`. */
  setKafkaProducerConfig(properties: Readonly<Record<string, string>>): KafkaSinkBuilder<T> {
    return this.setProperties(properties);
  }
  /** The library that carries the requests. */
  setClient(client: KafkaClientLibrary): KafkaSinkBuilder<T> {
    return this.with({ client });
  }
  /** Where OAUTHBEARER tokens come from. */
  setTokenProvider(token: () => Promise<BearerToken>): KafkaSinkBuilder<T> {
    return this.with({ token });
  }
  /** Tests: another client. @internal */
  withClient(openClient: () => Promise<KafkaClient>): KafkaSinkBuilder<T> {
    return this.with({ openClient });
  }

  build(): KafkaSink<T> {
    const { serializer, guarantee, transactionalIdPrefix, markerTopic, properties } = this.parts;
    if (serializer === null)
      throw new ConfigError(
        'KafkaSink has no serializer: call setRecordSerializer({ topic: "totals", value: (row) => JSON.stringify(row) }).',
      );
    const { openClient, notice } = this.connection();
    return new KafkaSink<T>({
      guarantee,
      serializer,
      settings: producerSettingsOf(properties),
      transactionalIdPrefix,
      markerTopic,
      notice,
      openClient,
    });
  }

  private connection(): { readonly openClient: () => Promise<KafkaClient>; readonly notice: string | null } {
    const { client, token, properties, openClient } = this.parts;
    if (openClient !== null) return { openClient, notice: null };
    const { connection, withoutEffect } = connectionOfProperties(properties, {
      readElsewhere: SINK_PROPERTIES,
      ...(client === null ? {} : { client }),
      ...(token === null ? {} : { token }),
    });
    return { openClient: () => openKafkaClient(connection), notice: withoutEffectNotice(withoutEffect) };
  }

  private with(parts: Partial<Parts<T>>): KafkaSinkBuilder<T> {
    return new KafkaSinkBuilder<T>({ ...this.parts, ...parts });
  }
}

const NOTHING_SET: Omit<Parts<unknown>, 'serializer'> = {
  properties: {},
  guarantee: 'EXACTLY_ONCE',
  transactionalIdPrefix: null,
  markerTopic: null,
  client: null,
  token: null,
  openClient: null,
};
