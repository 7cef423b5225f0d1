import { describe, expect, it } from 'vitest';
import { jsonLines } from '../../../formats/json-lines.ts';
import { schema, t } from '../../../formats/schema.ts';
import { textLines } from '../../../formats/text-lines.ts';
import type { ValueFormat } from '../../../formats/value-format.ts';
import { ConfigError, RetryableError } from '../../../model/errors.ts';
import { FakeKafka } from './kafka-fixture.ts';
import { KafkaSource } from './kafka-source.ts';
import { OffsetsInitializer } from './offsets-initializer.ts';
import { builder, ctx, drain, filled, latest, notices, open, p0 } from './source-fixture.ts';

describe('what is read', () => {
  it('values with their offsets and timestamps; the clients are closed at the end', async () => {
    const kafka = await filled(['a', null, 'b\n', '']);
    await kafka.append(p0, ['c'], 3);
    const [reader] = await open(builder(kafka).setTopics('t').setBounded(latest).build());
    expect(await drain(reader!)).toEqual({
      values: ['a', 'b\n', '', 'c'],
      offsets: [0, 2, 3, 7],
      timestamps: [1000, 1002, 1003, 1007],
      bad: [],
      end: 8,
      last: 'end',
    });
    const counts = new Map<string, number>();
    reader!.takeCounts!(counts);
    expect([...counts]).toEqual([['tombstones', 1]]);
    expect(kafka.open).toBe(1);
    await reader!.close();
    expect(kafka.open).toBe(0);
  });

  it('whole records', async () => {
    const kafka = new FakeKafka();
    kafka.create('t');
    await kafka.append(p0, [
      {
        key: Buffer.from('k'),
        value: Buffer.from('v'),
        timestamp: 5,
        headers: [
          ['h', Buffer.from('1')],
          ['h', Buffer.from('2')],
        ],
      },
      { key: Buffer.from('gone'), value: null, timestamp: -1 },
      { value: Buffer.from('bad') },
    ]);
    const source = KafkaSource.builder()
      .setBootstrapServers('nowhere:9092')
      .withClient(kafka.client)
      .setTopics('t')
      .setBounded(latest)
      .setDeserializer((record) => {
        const text = (bytes: Uint8Array | null): string | null =>
          bytes === null ? null : Buffer.from(bytes).toString();
        if (text(record.value) === 'bad') throw new Error('no');
        const headers = record.headers.map(([name, value]) => `${name}=${text(value)}`);
        return [
          record.topic,
          record.partition,
          record.offset,
          record.timestamp,
          text(record.key),
          text(record.value),
          headers,
        ];
      })
      .build();
    const [reader] = await open(source);
    const read = await drain(reader!);
    expect(read.values).toEqual([
      ['t', 0, 0, 5, 'k', 'v', ['h=1', 'h=2']],
      ['t', 0, 1, -1, 'gone', null, []],
    ]);
    expect(read.bad).toEqual([{ position: 2, raw: 'bad' }]);
    await reader!.close();
  });

  it('a deserializer that returns a promise is refused', async () => {
    const kafka = await filled(['a']);
    const source = builder(kafka)
      .setTopics('t')
      .setDeserializer(async () => await Promise.reject(new Error('later')))
      .build();
    const [reader] = await open(source);
    await expect(drain(reader!)).rejects.toThrow(ConfigError);
    await expect(drain(reader!)).rejects.toThrow('deserialize is synchronous');
    await reader!.close();
  });

  it('JSON with a schema in columns; what is bad is at its place', async () => {
    const kafka = await filled([
      '{"id":"a"}',
      '',
      '{"id":5}',
      '{\n"id":\n"b"}',
      null,
      '{"id":"c\n"}',
      ' \n',
      '{"id":"d"}',
    ]);
    const source = builder(kafka)
      .setTopics('t')
      .setBounded(latest)
      .setValueOnlyDeserializer(jsonLines(schema({ id: t.string() })))
      .build();
    const [reader] = await open(source);
    const read = await drain(reader!, null, 3);
    expect(read.values).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'd' }]);
    expect(read.offsets).toEqual([0, 3, 7]);
    expect(read.timestamps).toEqual([1000, 1003, 1007]);
    expect(read.bad.map(({ position }) => position)).toEqual([1, 2, 5, 6]);
    await reader!.close();
  });

  it("a format that has to load something first: what was decoded is handed out, then it waits; failures to load are no record's fault", async () => {
    const loaded = new Set<string>();
    const said: string[] = [];
    let reachable = true;
    const format: ValueFormat<string> = {
      name: 'with schemas',
      open: async () => void said.push('open'),
      prepare(bytes) {
        const schemaId = Buffer.from(bytes).toString()[0]!;
        if (loaded.has(schemaId)) return null;
        return (async () => {
          if (!reachable) throw new RetryableError('the registry cannot be reached');
          said.push(`load ${schemaId}`);
          loaded.add(schemaId);
        })();
      },
      decodeRecord: (bytes) => Buffer.from(bytes).toString(),
    };
    const kafka = await filled(['a1', 'a2', 'b1', 'a3']);
    const [reader] = await open(
      builder(kafka).setTopics('t').setBounded(latest).setValueOnlyDeserializer(format).build(),
    );
    expect((await drain(reader!)).values).toEqual(['a1', 'a2', 'b1', 'a3']);
    expect(new Set(said)).toEqual(new Set(['open', 'load a', 'load b']));
    await reader!.close();
    loaded.clear();
    reachable = false;
    const [again] = await open(
      builder(kafka).setTopics('t').setBounded(latest).setValueOnlyDeserializer(format).build(),
    );
    await expect(drain(again!)).rejects.toThrow(RetryableError);
    await again!.close();
  });

  it('any range again, in any pieces, the same rows and the same end', async () => {
    const kafka = await filled(['0', '1']);
    await kafka.append(p0, ['5', '6', '7'], 3);
    await kafka.append(p0, ['10'], 2);
    const source = builder(kafka).setTopics('t').build();
    await source.validate(ctx);
    const [split] = await source.discover(ctx);
    const whole = ['0', '1', '5', '6', '7', '10'];
    for (let from = 0; from <= 11; from++) {
      for (let to = from; to <= 11; to++) {
        for (const maxRows of [1, 2, 100]) {
          const reader = await source.open(split!, from, ctx);
          const read = await drain(reader, to, maxRows);
          expect(read.values).toEqual(whole.filter((value) => Number(value) >= from && Number(value) < to));
          expect(read.last).toBe('end');
          expect(from === to ? to : read.end).toBe(to);
          await reader.close();
        }
      }
    }
  });

  it('goes on with what is appended, and waits at the last stable offset', async () => {
    const kafka = await filled(['a']);
    const [reader] = await open(builder(kafka).setTopics('t').build());
    expect(await drain(reader!)).toMatchObject({ values: ['a'], last: 'empty' });
    await kafka.append(p0, ['b']);
    kafka.partition(p0)!.lastStable = 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await drain(reader!)).toMatchObject({ values: [], last: 'empty' });
    expect(reader!.endPosition()).toBe(1);
    kafka.partition(p0)!.lastStable = null;
    await expect.poll(async () => (await drain(reader!)).values).toEqual(['b']);
    await reader!.close();
  });

  it('moves over a range that compaction has emptied up to an open transaction', async () => {
    const kafka = await filled(['a']);
    await kafka.append(p0, ['of the open transaction'], 8);
    kafka.partition(p0)!.lastStable = 9;
    const [reader] = await open(builder(kafka).setTopics('t').setBounded(latest).build());
    expect(await drain(reader!)).toMatchObject({ values: ['a'], end: 9, last: 'end' });
    await reader!.close();
  });

  it.each([0, 1, 3, 20])(
    'passes over nothing while the broker sends no records (%s times) that are there',
    async (times) => {
      const kafka = await filled(['a', 'b']);
      kafka.partition(p0)!.silences = times;
      const [reader] = await open(builder(kafka).setTopics('t').setBounded(latest).build());
      const read: unknown[] = [];
      for (let last = 'empty'; last !== 'end';) {
        const more = await drain(reader!);
        read.push(...more.values);
        ({ last } = more);
      }
      expect(read).toEqual(['a', 'b']);
      expect(notices.some((notice) => /reaches to offset 2, but the broker sends nothing from 0 on/.test(notice))).toBe(
        times > 3,
      );
      notices.length = 0;
      await reader!.close();
    },
  );

  it('a planned range is read although other splits of the broker want nothing', async () => {
    const kafka = new FakeKafka();
    kafka.create('t', 2);
    const [reader, other] = await open(builder(kafka).setTopics('t').build());
    expect(await drain(reader!)).toMatchObject({ last: 'empty' });
    const planned = drain(reader!, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await kafka.append(p0, ['late']);
    expect(await planned).toMatchObject({ values: ['late'], last: 'end' });
    await Promise.all([reader!.close(), other!.close()]);
  });

  it('fetches nothing beyond the end of a planned range, and one answer ahead of the one in use', async () => {
    const kafka = await filled(['a']);
    for (const value of ['b', 'c', 'd']) await kafka.append(p0, [value]);
    const source = builder(kafka).setTopics('t').setProperty('max.partition.fetch.bytes', '1').build();
    const [reader] = await open(source);
    await drain(reader!, 2);
    expect(kafka.fetches.map(({ requests }) => requests[0]!.from)).toEqual([0, 1]);
    await reader!.fill(1, null);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(kafka.fetches.map(({ requests }) => requests[0]!.from)).toEqual([0, 1, 2, 3]);
    await reader!.close();
  });

  it('asks for the partitions of one broker together', async () => {
    const kafka = new FakeKafka();
    kafka.create('t', 3);
    for (let partition = 0; partition < 3; partition++) await kafka.append({ topic: 't', partition }, [`${partition}`]);
    const readers = await open(builder(kafka).setTopics('t').build());
    const reads = await Promise.all(readers.map((reader) => drain(reader)));
    expect(reads.flatMap(({ values }) => values)).toEqual(['0', '1', '2']);
    await expect.poll(() => kafka.fetches.at(-1)!.requests.length).toBe(3);
    for (const reader of readers) await reader.close();
  });
});

describe('group offsets', () => {
  it('follow the epochs; a failure is told once and harms nothing', async () => {
    const kafka = await filled(['a', 'b']);
    const source = builder(kafka).setTopics('t').setGroupId('g').build();
    const [reader] = await open(source);
    source.committed(new Map([['t-0', 1]]), ctx);
    await expect.poll(() => kafka.groupOffsets.get('g t-0')).toBe(1);
    const before = notices.length;
    for (const offset of [2, 2]) {
      kafka.failures.push({ what: 'commit', error: new Error('not now') });
      source.committed(new Map([['t-0', offset]]), ctx);
      await expect.poll(() => kafka.failures.length).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(notices.slice(before)).toHaveLength(1);
    source.committed(new Map([['t-0', 2]]), ctx);
    await reader!.close();
    await source.close();
    expect(kafka.groupOffsets.get('g t-0')).toBe(2);
    expect(kafka.open).toBe(0);
  });

  it('are not committed without a group, or when the job says so', async () => {
    const kafka = await filled(['a']);
    for (const source of [
      builder(kafka).setTopics('t').build(),
      builder(kafka).setTopics('t').setGroupId('g').setProperty('commit.offsets.on.checkpoint', 'false').build(),
    ]) {
      source.committed(new Map([['t-0', 1]]), ctx);
      await source.close();
    }
    expect(kafka.groupOffsets.size).toBe(0);
  });
});

describe('what a builder refuses', () => {
  const base = KafkaSource.builder().setBootstrapServers('b:1').setValueOnlyDeserializer(textLines());
  it.each([
    [() => base.build(), 'KafkaSource has no topics'],
    [() => base.setTopics('t').setTopicPattern('t'), 'KafkaSource reads t already'],
    [() => base.setTopics(), 'the list of topics is empty'],
    [() => KafkaSource.builder().setTopics('t').build(), 'has no deserializer'],
    [() => base.setTopics('t').setStartingOffsets(OffsetsInitializer.committedOffsets()).build(), 'setGroupId()'],
    [
      () => base.setTopics('t').setProperty('enable.auto.commit', 'true').build(),
      '"enable.auto.commit" cannot be true',
    ],
    [() => base.setTopics('t').setProperty('isolation.level', 'dirty').build(), '"isolation.level" must be one of'],
    [() => base.setTopics('t').setProperty('auto.offset.reset', 'begin').build(), 'no offset reset strategy'],
    [
      () => base.setTopics('t').setProperty('fetch.max.wait.ms', '30000').build(),
      '"fetch.max.wait.ms" is 30000: it must be less than request.timeout.ms (30000)',
    ],
    [() => base.setTopicPattern('('), 'no regular expression'],
    [() => OffsetsInitializer.offsets({ orders: 4 }), 'should read like { "topic-0": 42 }'],
  ])('%s', (build, message) => {
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
  });

  it('tells properties that change nothing', async () => {
    const kafka = await filled(['a']);
    await open(builder(kafka).setTopics('t').setProperty('max.poll.records', '5').build()).then((readers) =>
      Promise.all(readers.map((reader) => reader.close())),
    );
    expect(notices.some((text) => text.includes('max.poll.records'))).toBe(true);
  });
});
