/** Jobs that read real Kafka: what they read, where they go on, and what they say when the log is not what it was. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { KafkaClientLibrary } from '../../engine/connectors/kafka/client/kafka-connection.ts';
import { KafkaSource, type KafkaSourceBuilder } from '../../engine/connectors/kafka/source/kafka-source.ts';
import { OffsetsInitializer } from '../../engine/connectors/kafka/source/offsets-initializer.ts';
import { jsonLines } from '../../engine/formats/json-lines.ts';
import { schema, t } from '../../engine/formats/schema.ts';
import { textLines } from '../../engine/formats/text-lines.ts';
import { WatermarkStrategy } from '../../engine/time/watermark-strategy.ts';
import { startOwn, useServer, type OwnServer, type ServerName } from '../servers/index.ts';
import { bytes, clientOf, KafkaJob, newTopic, recordsOf, send, truncate } from './source-kit.ts';

const latest = OffsetsInitializer.latest();
const watermarks = WatermarkStrategy.noWatermarks();

const POLL = { timeout: 15_000, interval: 10 };
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));
const sorted = (values: readonly unknown[]): number[] => values.map(Number).toSorted((a, b) => a - b);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe.each<ServerName>(['kafka', 'kafka-3.9'])('%s', (server) => {
  let servers: string;
  let client: KafkaClient;
  beforeAll(async () => {
    servers = (await useServer(server)).settings['bootstrapServers']!;
    client = await clientOf(servers);
  });
  afterAll(async () => await client.close());

  const text = (topic: string): KafkaSourceBuilder<string> =>
    KafkaSource.builder().setBootstrapServers(servers).setTopics(topic).setValueOnlyDeserializer(textLines());

  const textJob = (source: () => KafkaSource<string>): KafkaJob =>
    new KafkaJob(({ env, sink }) => void env.fromSource(source(), watermarks, 'src').sinkTo(sink('out')));

  async function topicOf(what: string, ...partitions: readonly (readonly string[])[]): Promise<string> {
    const topic = newTopic(what);
    await client.createTopic(topic, Math.max(1, partitions.length), 1, {});
    for (const [partition, values] of partitions.entries())
      if (values.length > 0) await send(client, topic, partition, values);
    return topic;
  }

  async function transaction(topic: string, values: readonly string[], end: 'commit' | 'abort'): Promise<void> {
    const producer = await client.transactionalProducer(newTopic('id'), 10_000);
    await producer.send([{ topic, partition: 0, records: recordsOf(values) }], 'none');
    await producer[end]();
    await producer.close();
  }

  test.each<KafkaClientLibrary>(['platformatic', 'kafkajs'])(
    '%s: a bounded job reads every partition once, with every codec, in columns',
    async (library) => {
      const topic = await topicOf('codecs', [], []);
      const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
      for (const [i, compression] of codecs.entries()) {
        const values = numbers(i * 100, i * 100 + 100).map((id) => `{"id":"${id}","n":${id}}`);
        await send(client, topic, i % 2, values, { compression, firstMs: 5000 + i * 100 });
      }
      const orders = schema({ id: t.string(), n: t.number() });
      const job = new KafkaJob(({ env, sink }) => {
        const source = KafkaSource.builder()
          .setBootstrapServers(servers)
          .setTopics(topic)
          .setClient(library)
          .setBounded(latest)
          .setValueOnlyDeserializer(jsonLines(orders))
          .build();
        env
          .fromSource(source, WatermarkStrategy.forMonotonousTimestamps(), 'src')
          .filter((order) => order.n % 2 === 0)
          .map((order) => order.n)
          .sinkTo(sink('out'));
      });
      await job.run();
      expect(sorted(job.values())).toEqual(upTo(500).filter((n) => n % 2 === 0));
      const timestamps = new Map(job.job.rows('out').map(({ value, timestamp }) => [value, timestamp]));
      expect([timestamps.get(0), timestamps.get(498)]).toEqual([5000, 5498]);
    },
  );

  test('whole records, with key, headers and timestamp', async () => {
    const topic = await topicOf('records');
    await send(client, topic, 0, [
      { key: bytes('k'), value: bytes('v'), timestamp: 77, headers: [['h', bytes('x')]] },
      { key: bytes('gone'), value: null, timestamp: 78 },
    ]);
    const job = new KafkaJob(({ env, sink }) => {
      const source = KafkaSource.builder()
        .setBootstrapServers(servers)
        .setPartitions({ topic, partition: 0 })
        .setBounded(latest)
        .setDeserializer(({ topic: name, partition, offset, timestamp, key, value, headers }) => ({
          place: `${name === topic} ${partition} ${offset} ${timestamp}`,
          key: String(key && Buffer.from(key).toString()),
          value: String(value && Buffer.from(value).toString()),
          headers: headers.map(([h, v]) => `${h}=${Buffer.from(v).toString()}`),
        }))
        .build();
      env.fromSource(source, watermarks, 'src').sinkTo(sink('out'));
    });
    await job.run();
    expect(job.values()).toEqual([
      { place: 'true 0 0 77', key: 'k', value: 'v', headers: ['h=x'] },
      { place: 'true 0 1 78', key: 'gone', value: 'null', headers: [] },
    ]);
  });

  test('aborted transactions are passed over, an open one is waited for, and a bounded job ends at the last stable offset', async () => {
    const topic = await topicOf('aborted', ['0']);
    await transaction(topic, ['a', 'b'], 'abort');
    await transaction(topic, ['1', '2'], 'commit');
    await transaction(topic, ['c'], 'abort');
    const open = await client.transactionalProducer(newTopic('open'), 10_000);
    await open.send([{ topic, partition: 0, records: recordsOf(['3']) }], 'none');
    // The markers are written a moment after the transactions have ended.
    const stable = async (): Promise<unknown> =>
      (await client.offsets([{ topic, partition: 0 }], 'latest', 'read_committed'))[0];
    await expect.poll(stable, POLL).toBe(9);
    const bounded = textJob(() => text(topic).setBounded(latest).build());
    await bounded.run();
    expect(bounded.values()).toEqual(['0', '1', '2']);

    const unbounded = textJob(() => text(topic).build());
    const running = unbounded.start();
    await expect.poll(() => unbounded.values(), POLL).toEqual(['0', '1', '2']);
    await open.commit();
    await expect.poll(() => unbounded.values(), POLL).toEqual(['0', '1', '2', '3']);
    await open.close();
    await running.stop();
    const dirty = textJob(() =>
      text(topic).setProperty('isolation.level', 'read_uncommitted').setBounded(latest).build(),
    );
    await dirty.run();
    expect(dirty.values()).toEqual(['0', 'a', 'b', '1', '2', 'c', '3']);
  });

  test('stopped and started again it goes on where it was; the group sees how far it is', async () => {
    const topic = await topicOf('resume', numbers(0, 10), numbers(10, 20));
    const job = textJob(() => text(topic).setGroupId(`${topic}-group`).build());
    for (let round = 1; round <= 3; round++) {
      const running = job.start();
      await expect.poll(() => job.values().length, POLL).toBe(20 * round);
      await running.stop();
      expect(sorted(job.values())).toEqual(upTo(20 * round));
      const partitions = [0, 1].map((partition) => ({ topic, partition }));
      const committed = await client.committed(`${topic}-group`, partitions, true);
      expect(committed.map((each) => each?.offset)).toEqual([10 * round, 10 * round]);
      for (const partition of [0, 1])
        await send(client, topic, partition, numbers(20 * round + 10 * partition, 20 * round + 10 * partition + 10));
    }
    expect(job.notices).toEqual([]);
  });

  test('new partitions, and new topics of a pattern, while it runs and between two runs', async () => {
    const prefix = newTopic('grow');
    await client.createTopic(`${prefix}-a`, 1, 1, {});
    await send(client, `${prefix}-a`, 0, ['before']);
    const job = textJob(() =>
      KafkaSource.builder()
        .setBootstrapServers(servers)
        .setTopicPattern(`${prefix}-.*`)
        .setStartingOffsets(latest)
        .setProperty('partition.discovery.interval.ms', '100')
        .setValueOnlyDeserializer(textLines())
        .build(),
    );
    const running = job.start();
    await expect.poll(() => job.job.manifests.length + Number(job.values().length === 0), POLL).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await send(client, `${prefix}-a`, 0, ['0']);
    await client.createPartitions(`${prefix}-a`, 2);
    await send(client, `${prefix}-a`, 1, ['1']);
    await client.createTopic(`${prefix}-b`, 1, 1, {});
    await send(client, `${prefix}-b`, 0, ['2']);
    await expect.poll(() => sorted(job.values()), POLL).toEqual([0, 1, 2]);
    await running.stop();
    await client.createTopic(`${prefix}-c`, 1, 1, {});
    await send(client, `${prefix}-c`, 0, ['3']);
    const again = job.start();
    await expect.poll(() => sorted(job.values()), POLL).toEqual([0, 1, 2, 3]);
    await again.stop();
  });

  test('offsets initializers', async () => {
    const topic = await topicOf('starts', numbers(0, 10));
    await client.commitOffsets(`${topic}-g`, [{ topic, partition: 0, offset: 7, metadata: '' }]);
    const cases: readonly (readonly [OffsetsInitializer, OffsetsInitializer, readonly number[]])[] = [
      [OffsetsInitializer.earliest(), OffsetsInitializer.timestamp(1003), [0, 1, 2]],
      [OffsetsInitializer.timestamp(1008), latest, [8, 9]],
      [OffsetsInitializer.timestamp(9999), latest, []],
      [OffsetsInitializer.committedOffsets(), latest, [7, 8, 9]],
      [OffsetsInitializer.earliest(), OffsetsInitializer.committedOffsets(), [0, 1, 2, 3, 4, 5, 6]],
      [OffsetsInitializer.offsets({ [`${topic}-0`]: 4 }), OffsetsInitializer.offsets({ [`${topic}-0`]: 6 }), [4, 5]],
      [latest, latest, []],
    ];
    for (const [starting, stopping, expected] of cases) {
      const source = (): KafkaSourceBuilder<string> =>
        text(topic).setGroupId(`${topic}-g`).setStartingOffsets(starting);
      const job = textJob(() =>
        source().setProperty('commit.offsets.on.checkpoint', 'false').setBounded(stopping).build(),
      );
      await job.run();
      expect(sorted(job.values()), starting.description).toEqual(expected);
    }
    const nobody = textJob(() =>
      text(topic).setGroupId(`${topic}-none`).setStartingOffsets(OffsetsInitializer.committedOffsets()).build(),
    );
    await expect(nobody.run()).rejects.toThrow(`no offset is committed for ${topic}-0`);
  });

  test('records deleted before they were read: told, counted, or refused', async () => {
    const topic = await topicOf('truncated', numbers(0, 5));
    const job = textJob(() => text(topic).build());
    const running = job.start();
    await expect.poll(() => job.values().length, POLL).toBe(5);
    await running.stop();
    await send(client, topic, 0, numbers(5, 20));
    await truncate(servers, topic, 0, 12);
    const strict = new KafkaJob(({ env, sink }) => {
      const given = OffsetsInitializer.offsets({ [`${topic}-0`]: 5 }, 'none');
      env.fromSource(text(topic).setStartingOffsets(given).build(), watermarks, 'src').sinkTo(sink('out'));
    });
    await expect(strict.run()).rejects.toThrow(
      new RegExp(`split ${topic}-0 is read up to offset 5, but topic "${topic}" now keeps offsets 12 to 20`),
    );
    const again = job.start();
    await expect.poll(() => sorted(job.values()), POLL).toEqual([...upTo(5), 12, 13, 14, 15, 16, 17, 18, 19]);
    const { counts } = await again.stop();
    expect(counts).toMatchObject({ offsetResets: 1, offsetsSkipped: 7, recordsIn: 13 });
    expect(job.notices.join()).toContain('offsets 5 to 11 of topic');
  });

  test('a topic that is deleted, and one that is created again', async () => {
    const topic = await topicOf('deleted', ['0']);
    const job = textJob(() => text(topic).build());
    const running = job.start();
    await expect.poll(() => job.values().length, POLL).toBe(1);
    await client.deleteTopic(topic);
    await expect(running.result).rejects.toThrow(`topic "${topic}" is gone; split ${topic}-0 was read up to offset 1`);
    await expect(job.run()).rejects.toThrow(`the cluster has no topic "${topic}"`);
    await client.createTopic(topic, 1, 1, {});
    await send(client, topic, 0, ['1', '2', '3']);
    await expect(job.run()).rejects.toThrow(
      `topic "${topic}" was deleted and created again since split ${topic}-0 was read up to offset 1`,
    );
    expect(job.values()).toEqual(['0']);
  });

  test('a topic that is deleted and created again at once is not read on', async () => {
    const topic = await topicOf('recreated', ['0']);
    const job = textJob(() =>
      KafkaSource.builder()
        .setBootstrapServers(servers)
        .setTopicPattern(topic)
        .setValueOnlyDeserializer(textLines())
        .build(),
    );
    const running = job.start();
    await expect.poll(() => job.values().length, POLL).toBe(1);
    await client.deleteTopic(topic);
    await client.createTopic(topic, 1, 1, {});
    await send(client, topic, 0, ['1', '2', '3']);
    await expect(running.result).rejects.toThrow(
      `topic "${topic}" was deleted and created again since split ${topic}-0 was read up to offset 1`,
    );
    expect(job.values()).toEqual(['0']);
  });

  test('records that do not parse, and those that user code refuses, go to the dead letters with their place', async () => {
    const topic = await topicOf('bad', ['{"id":"a"}', 'x', '{"id":1}', '{"id":"b"}', '{"id":"c"}']);
    const job = new KafkaJob(({ env, sink }) => {
      const source = text(topic)
        .setBounded(latest)
        .setValueOnlyDeserializer(jsonLines(schema({ id: t.string() })))
        .build();
      env
        .fromSource(source, watermarks, 'src')
        .keyBy(({ id }) => id)
        .map(({ id }) => {
          if (id === 'b') throw new Error('no b');
          return id;
        })
        .sinkTo(sink('out'));
      env
        .deadLetters()
        .map(({ split, position, error, record }) => `${split} ${position} ${error} ${record}`)
        .sinkTo(sink('bad'));
    });
    await job.run();
    expect(new Set(job.values())).toEqual(new Set(['a', 'c']));
    expect(job.values('bad')).toEqual([
      expect.stringContaining(`src-1/${topic}-0 1 `),
      expect.stringContaining(`src-1/${topic}-0 2 `),
      `src-1/${topic}-0 3 no b {"id":"b"}`,
    ]);
  });

  test('fanned-out epochs read the same, also after a restart', async () => {
    const topic = await topicOf('fanned', numbers(0, 50), numbers(50, 100), numbers(100, 150), numbers(150, 200));
    const job = new KafkaJob(({ env, sink }) => {
      env
        .setParallelism(3)
        .fromSource(text(topic).build(), watermarks, 'src')
        .keyBy((value) => value)
        .map((value) => value)
        .sinkTo(sink('out'));
    });
    const fanOut = { mode: 'fanned-out', workers: 3, module: 'in-process' } as const;
    for (let round = 1; round <= 2; round++) {
      const running = job.start({ fanOut });
      await expect.poll(() => job.values().length, POLL).toBe(200 * round);
      await running.stop();
      for (let partition = 0; partition < 4; partition++)
        await send(client, topic, partition, numbers(200 + 50 * partition, 250 + 50 * partition));
    }
    expect(sorted(job.values())).toEqual(upTo(400));
  });
});

describe('a broker of its own', () => {
  let broker: OwnServer;
  beforeAll(async () => {
    broker = await startOwn('kafka');
  });
  afterAll(async () => await broker.stop());

  test('the job lives through its death in the middle', async () => {
    const servers = broker.settings['bootstrapServers']!;
    const topic = newTopic('restart');
    let client = await clientOf(servers);
    await client.createTopic(topic, 2, 1, {});
    for (const partition of [0, 1])
      await send(client, topic, partition, numbers(5000 * partition, 5000 * partition + 5000));
    await client.close();
    const job = new KafkaJob(({ env, sink }) => {
      const source = KafkaSource.builder()
        .setBootstrapServers(servers)
        .setTopics(topic)
        .setGroupId(topic)
        .setProperty('max.partition.fetch.bytes', '4096')
        .setValueOnlyDeserializer(textLines())
        .build();
      env.fromSource(source, watermarks, 'src').sinkTo(sink('out'));
    });
    const running = job.start({ maxRows: 200 });
    await expect.poll(() => job.values().length, POLL).toBeGreaterThan(1000);
    await broker.kill();
    const before = job.values().length;
    await broker.restart();
    client = await clientOf(servers);
    await send(client, topic, 0, numbers(10_000, 10_010));
    await expect.poll(() => job.values().length, { timeout: 40_000, interval: 20 }).toBe(10_010);
    expect(before).toBeLessThan(10_000);
    expect(sorted(job.values())).toEqual(upTo(10_010));
    await running.stop();
    await client.close();
  }, 60_000);
});
