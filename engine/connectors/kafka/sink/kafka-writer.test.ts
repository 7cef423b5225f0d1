/** What becomes of rows on their way into batches. */
import { describe, expect, test } from 'vitest';
import { ConfigError, CorruptionError, RetryableError } from '../../../model/errors.ts';
import { MAX_WATERMARK, NO_TIMESTAMP } from '../../../model/watermark.ts';
import { loadCodec } from '../client/compression.ts';
import { encodeRecordBatch } from '../client/record-batch-encoder.ts';
import { FakeKafka } from './fake-kafka-fixture.ts';
import { KafkaSink } from './kafka-sink.ts';
import { partitionOfKey } from './murmur2.ts';
import { batchesOf } from './publication-batches.ts';
import { StagedFrames } from './record-frames.ts';
import { KafkaRecordSerializationSchema, type RecordSerializer } from './serialization.ts';
import { contextOf, publicationOf, TrialClock } from './sink-trial-fixture.ts';

const AT = { run: 'r1', epoch: 1 };

function sinkWith<T>(
  serializer: RecordSerializer<T> | KafkaRecordSerializationSchema<T>,
  kafka = new FakeKafka(),
): KafkaSink<T> {
  return KafkaSink.builder()
    .withClient(async () => kafka.client())
    .setRecordSerializer(serializer)
    .build();
}

function recordsOf<T>(sink: KafkaSink<T>, rows: readonly T[], timestamp = 5): object[] {
  const clock = new TrialClock();
  clock.ms = 77;
  const writer = sink.writer(contextOf(clock));
  writer.write(rows, new Float64Array(rows.length).fill(timestamp), rows.length);
  const { chunks, records } = writer.take();
  const seen: object[] = [];
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());
  new StagedFrames(chunks).each(({ topic, partition, record: { key, value, timestamp, headers } }) =>
    seen.push({
      topic,
      partition,
      timestamp,
      key: text(key),
      value: text(value),
      headers: headers.map(([name, bytes]) => [name, text(bytes)]),
    }),
  );
  expect(seen).toHaveLength(records);
  return seen;
}

describe('a row becomes a record', () => {
  const parts = { topic: (n: number) => (n < 2 ? 'low' : 'high'), value: (n: number) => `wért ${n}` };

  test('by parts', () => {
    const sink = sinkWith<number>({
      ...parts,
      key: (n) => (n === 1 ? null : Buffer.from([n])),
      headers: (n) => (n === 1 ? {} : { trace: `ü${n}`, raw: new Uint8Array([65]) }),
      timestamp: (n, eventTime) => n * 1000 + eventTime,
    });
    expect(recordsOf(sink, [1, 2, 1])).toEqual([
      { topic: 'low', partition: -1, timestamp: 1005, key: null, value: 'wért 1', headers: [] },
      {
        topic: 'high',
        partition: -1,
        timestamp: 2005,
        key: '\u0002',
        value: 'wért 2',
        headers: [
          ['trace', 'ü2'],
          ['raw', 'A'],
        ],
      },
      { topic: 'low', partition: -1, timestamp: 1005, key: null, value: 'wért 1', headers: [] },
    ]);
  });

  test("by Flink's builder, with its own encoders", () => {
    const schema = KafkaRecordSerializationSchema.builder<number>()
      .setTopicSelector(parts.topic)
      .setKeySerializationSchema({ serialize: (n) => String(n) })
      .setValueSerializationSchema({ name: 'text', encode: parts.value })
      .setHeaderProvider((n) => [
        ['n', String(n)],
        ['n', 'again'],
      ])
      .build();
    expect(recordsOf(sinkWith(schema), [3])).toEqual([
      {
        topic: 'high',
        partition: -1,
        timestamp: 5,
        key: '3',
        value: 'wért 3',
        headers: [
          ['n', '3'],
          ['n', 'again'],
        ],
      },
    ]);
  });

  test("by a schema of one's own, which may leave rows out", () => {
    const sink = sinkWith<number>({
      serialize: (n, timestamp) =>
        n === 2
          ? null
          : { topic: 't', value: null, key: 'k', partition: n, ...(timestamp === null ? { timestamp: 9 } : {}) },
    });
    expect(recordsOf(sink, [1, 2, 3])).toMatchObject([
      { partition: 1, timestamp: 5, key: 'k', value: null },
      { partition: 3, timestamp: 5 },
    ]);
    expect(recordsOf(sink, [1], NO_TIMESTAMP)).toMatchObject([{ timestamp: 9 }]);
  });

  test.for<[string, number]>([
    ['an event time', NO_TIMESTAMP],
    ["a time of its own in Kafka, where it was read with Kafka's −1", -1],
    ['an end, as rows of a count window', MAX_WATERMARK],
  ])('without %s, at the wall clock', ([, timestamp]) => {
    expect(recordsOf(sinkWith<number>(parts), [1], timestamp)).toMatchObject([{ timestamp: 77 }]);
  });

  test('a record of the size that is allowed fits into the batch that brokers take by default', async () => {
    const largest = 1_048_576 - 66 - 24;
    for (const [key, length] of [
      [null, largest],
      ['k'.repeat(1000), largest - 1004],
    ] as const) {
      const sink = sinkWith<number>({
        topic: 't',
        value: (n) => 'x'.repeat(length + n),
        ...(key === null ? {} : { key: () => key }),
      });
      expect(() => recordsOf(sink, [1])).toThrow(/max.request.size/);
      const writer = sink.writer(contextOf());
      writer.write([0], Float64Array.of(Date.now()), 1);
      const [batch] = batchesOf(new StagedFrames(writer.take().chunks), { epoch: 1, slot: 0 }, () => 1);
      const nobody = { id: 1, epoch: 1, sequence: 0, transactional: true };
      const bytes = encodeRecordBatch(batch!.records, 0, 1, nobody, 'none', await loadCodec('none'));
      expect(bytes.length).toBeLessThanOrEqual(1_048_588);
      expect(bytes.length).toBeGreaterThan(1_048_500);
    }
  });
});

describe('refused, with the row', () => {
  test.for<[string, Partial<RecordSerializer<number>>, number, RegExp]>([
    ['a value that is no text', { value: () => 5 as never }, 5, /value must be a string, bytes or null, got number/],
    ['no topic', { topic: () => '' }, 5, /topic must be a name of .*, got ""/],
    ['a topic that cannot be', { topic: () => 'orders of today' }, 5, /got "orders of today"/],
    [
      'a record that is too large',
      { value: (n) => (n === 2 ? 'x'.repeat(2_000_000) : '') },
      5,
      /2000090 bytes, and max.request.size is 1048576/,
    ],
    [
      'a time that never ends',
      { timestamp: () => Infinity },
      5,
      /timestamp is Infinity; Kafka takes milliseconds from 0/,
    ],
    ['a time before 1970', { timestamp: () => -1 }, 5, /timestamp is -1; Kafka takes milliseconds from 0 to/],
  ])('%s', ([, parts, timestamp, message]) => {
    const writer = sinkWith<number>({ topic: 't', value: String, ...parts }).writer(contextOf());
    expect(() => writer.write([2, 2], new Float64Array(2).fill(timestamp), 2)).toThrow(message);
    expect(writer.failedRow).toBe(0);
    writer.discard();
    expect(writer.take()).toEqual({ chunks: [], records: 0 });
  });

  test('what comes after a discard does not know the topics from before', () => {
    const writer = sinkWith<number>({ topic: (n) => `t${n}`, value: String }).writer(contextOf());
    for (const n of [1, 2]) {
      writer.write([n], new Float64Array([1]), 1);
      if (n === 1) writer.discard();
    }
    expect(new StagedFrames(writer.take().chunks).topics()).toEqual(new Set(['t2']));
  });
});

test('chunks may be cut anywhere, and those of several stages stand together', () => {
  const sink = sinkWith<string>({ topic: (row) => row.slice(0, 1), value: (row) => row });
  const rows = Array.from({ length: 500 }, (_, i) => `${'ab'[i % 2]!}${i}`.padEnd(i * 7, '.'));
  const stages = [rows.slice(0, 300), rows.slice(300)].flatMap((part) => publicationOf(sink, part, AT).chunks);
  const bytes = Buffer.concat(stages);
  const cut = [bytes.subarray(0, 1001), bytes.subarray(1001, 90_003), bytes.subarray(90_003)];
  const read: string[] = [];
  new StagedFrames(cut).each(({ record, topic }) => {
    const value = Buffer.from(record.value!).toString();
    expect(value.slice(0, 1)).toBe(topic);
    read.push(value);
  });
  expect(read).toEqual(rows);
  expect(() => new StagedFrames([bytes.subarray(0, 1001)]).topics()).toThrow(CorruptionError);
});

describe('partitions', () => {
  const placed = (sink: KafkaSink<number>, rows: readonly number[], epoch: number, slot = 0, count = 3) =>
    batchesOf(
      new StagedFrames(publicationOf(sink, rows, { run: 'r', epoch, slot }).chunks),
      { epoch, slot },
      () => count,
    );
  const keyed = sinkWith<number>({ topic: 't', key: String, value: String });
  const keyless = sinkWith<number>({ topic: 't', value: String });
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

  test('a key lands where Java puts it', () => {
    for (const batch of placed(keyed, upTo(100), 1))
      for (const { key } of batch.records) expect(batch.partition).toBe(partitionOfKey(key!, 3));
  });

  test('without a key slot and epoch decide, and long runs are spread', () => {
    const partitionsOf = (epoch: number, slot: number, n = 5) =>
      placed(keyless, upTo(n), epoch, slot).map(({ partition }) => partition);
    expect([partitionsOf(1, 0), partitionsOf(2, 0), partitionsOf(1, 1), partitionsOf(3, 0)]).toEqual([
      [1],
      [2],
      [2],
      [0],
    ]);
    expect(new Set(partitionsOf(1, 0, 2500))).toEqual(new Set([0, 1, 2]));
    expect(partitionsOf(1, 0, 2500)).toEqual(partitionsOf(1, 0, 2500));
  });

  test('a partition has its records in order, and knows its largest', () => {
    const sink = sinkWith<number>({
      topic: 't',
      key: (n) => (n % 2 === 0 ? 'even' : 'odd'),
      value: (n) => ''.padEnd(n === 7 ? 50 : 1, String(n)),
    });
    const found = placed(sink, upTo(10), 1, 0, 16);
    expect(found).toHaveLength(2);
    for (const { records, largest } of found) {
      const values = records.map(({ value }) => Number(Buffer.from(value!).toString().slice(0, 1)));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      if (values.includes(7)) expect(largest.index).toBe(7);
    }
  });

  test('a partitioner is asked with the partitions there are', async () => {
    const kafka = new FakeKafka();
    kafka.topics.set('t', 4);
    const asked: unknown[] = [];
    const sink = sinkWith<number>(
      {
        topic: (n) => (n === 9 ? 'new' : 't'),
        key: String,
        value: () => null,
        partitioner: {
          partition: (...args) => {
            asked.push(args);
            return args[0];
          },
        },
      },
      kafka,
    );
    await sink.open();
    expect(recordsOf(sink, [3])).toMatchObject([{ partition: 3 }]);
    expect(asked).toEqual([[3, Buffer.from('3'), null, 't', [0, 1, 2, 3]]]);
    expect(() => recordsOf(sink, [4])).toThrow(/partitioner answered 4 for topic "t", which has the partitions 0 to 3/);
    expect(() => recordsOf(sink, [9])).toThrow(RetryableError);
  });

  test.for([-1, 1.5, Number.NaN, 2 ** 40])('a schema that asks for partition %s is refused', (partition) => {
    const sink = sinkWith<number>({ serialize: () => ({ topic: 't', value: null, partition }) });
    expect(() => recordsOf(sink, [1])).toThrow(/partition must be a number from 0 on, got/);
  });

  test('a partition that is gone is waited for', () => {
    const sink = sinkWith<number>({ serialize: (n) => ({ topic: 't', value: null, partition: n }) });
    expect(() => placed(sink, [2], 1, 0, 2)).toThrow(/asks for partition 2 of topic "t", which has 2/);
  });
});

describe('builder', () => {
  test.for<[string, () => unknown, RegExp]>([
    ['no serializer', () => KafkaSink.builder().build(), /setRecordSerializer/],
    ['a bad guarantee', () => KafkaSink.builder().setDeliveryGuarantee('EXACTLY_TWICE' as never), /one of NONE/],
    ['a bad prefix', () => KafkaSink.builder().setTransactionalIdPrefix('a b'), /prefix is 1 to 200/],
    [
      'no topic',
      () =>
        KafkaRecordSerializationSchema.builder()
          .setValueSerializationSchema(() => '')
          .build(),
      /setTopic/,
    ],
    ['no value', () => KafkaRecordSerializationSchema.builder().setTopic('t').build(), /setValueSerializationSchema/],
    ['acks', () => with_('acks', '1'), /could lose records/],
    ['no idempotence', () => with_('enable.idempotence', 'false'), /could double records/],
    ['compression', () => with_('compression.type', 'brotli'), /one of none, gzip/],
    ['transactional.id', () => with_('transactional.id', 'x'), /setTransactionalIdPrefix/],
    ['a timeout', () => with_('transaction.timeout.ms', '1h'), /whole number/],
    ['no servers', () => sink_().build(), /bootstrap.servers/],
  ])('%s is refused', ([, build, message]) => {
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
  });
  const sink_ = () => KafkaSink.builder().setRecordSerializer({ topic: 't', value: String });
  const with_ = (name: string, value: string) => sink_().setBootstrapServers('h:1').setProperty(name, value).build();

  test('properties without effect are told', () => {
    expect(with_('linger.ms', '5').notice).toContain('linger.ms');
    expect(with_('compression.type', 'lz4').notice).toBeNull();
  });
});

describe('at the start', () => {
  const kafka = new FakeKafka();
  kafka.topics.set('t', 1);
  const base = KafkaSink.builder().withClient(async () => kafka.client());

  test('a topic that is not there is named with those that are', async () => {
    const sink = base.setRecordSerializer({ topic: 'x', value: String }).build();
    await expect(sink.validate(contextOf())).rejects.toThrow(/there is no topic "x".*topics are: t\./);
  });
  test('topics by row need one for the markers', async () => {
    const sink = base.setRecordSerializer({ topic: () => 'x', value: String });
    await expect(sink.build().validate(contextOf())).rejects.toThrow(/setMarkerTopic/);
    await sink.setMarkerTopic('t').build().validate(contextOf());
    await sink.setDeliveryGuarantee('AT_LEAST_ONCE').build().validate(contextOf());
  });
  test("a transaction timeout above the brokers' is refused", async () => {
    const sink = base
      .setRecordSerializer({ topic: 't', value: String })
      .setProperty('transaction.timeout.ms', '3600000');
    await expect(sink.build().validate(contextOf())).rejects.toThrow(/brokers allow 900000/);
  });
});

describe('publishing', () => {
  const byRow: RecordSerializer<string> = { topic: (row) => row.slice(0, 1), value: (row) => row };

  test.for(['AT_LEAST_ONCE', 'NONE'] as const)(
    '%s: no transaction, no marker; a repeat writes again',
    async (guarantee) => {
      const kafka = new FakeKafka();
      kafka.topics.set('a', 1);
      const sink = KafkaSink.builder()
        .withClient(async () => kafka.client())
        .setRecordSerializer(byRow)
        .setDeliveryGuarantee(guarantee)
        .build();
      const publisher = await sink.publisher(contextOf());
      await publisher.stamp('r1', 0, 0);
      for (let i = 0; i < 2; i++) expect(await publisher.publish(publicationOf(sink, ['a1'], AT))).toBe('published');
      expect(kafka.visible).toHaveLength(2);
      expect(kafka.offsets.size).toBe(0);
      expect(kafka.fences('job-out-0')).toBe(0);
    },
  );

  test('a topic that a row names and nobody made is waited for', async () => {
    const kafka = new FakeKafka();
    kafka.topics.set('m', 1);
    const sink = KafkaSink.builder()
      .withClient(async () => kafka.client())
      .setRecordSerializer(byRow)
      .setMarkerTopic('m')
      .build();
    const publisher = await sink.publisher(contextOf());
    await publisher.stamp('r1', 0, 0);
    const publication = publicationOf(sink, ['a1'], AT);
    const failure = await publisher.publish(publication).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(RetryableError);
    expect(String(failure)).toMatch(/no topic "a".*Create it/);
    expect(kafka.open()).toEqual([]);
    kafka.topics.set('a', 1);
    expect(await publisher.publish(publication)).toBe('published');
  });

  test('a record that the topic does not take is named by its place in the epoch', async () => {
    const kafka = new FakeKafka();
    kafka.topics.set('a', 1);
    kafka.maxMessageBytes = 1000;
    const sink = KafkaSink.builder()
      .withClient(async () => kafka.client())
      .setRecordSerializer({ ...byRow, topic: 'a' })
      .build();
    const publisher = await sink.publisher(contextOf());
    await publisher.stamp('r1', 0, 0);
    const failure = await publisher
      .publish(publicationOf(sink, ['a1', 'a2', 'a'.repeat(1500)], AT))
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(String(failure)).toMatch(
      /record 2 of the epoch, 15\d\d bytes, is larger than topic "a" takes.*max\.message\.bytes/,
    );
    expect(kafka.open()).toEqual([]);
  });
});
