/** Publications of whichever guarantee: what is written again and what is not, and what is waited for. */
import { describe, expect, test } from 'vitest';
import { ConfigError, RetryableError } from '../../../model/errors.ts';
import { FakeKafka } from './fake-kafka-fixture.ts';
import { KafkaSink } from './kafka-sink.ts';
import type { RecordSerializer } from './serialization.ts';
import { contextOf, publicationOf } from './sink-trial-fixture.ts';

const AT = { run: 'r1', epoch: 1 };

describe('publishing', () => {
  const byRow: RecordSerializer<string> = { topic: (row) => row.slice(0, 1), value: (row) => row };

  test.for(['AT_LEAST_ONCE', 'NONE'] as const)(
    '%s: no transaction, no marker; a repeat by another process writes again',
    async (guarantee) => {
      const kafka = new FakeKafka();
      kafka.topics.set('a', 1);
      const sink = KafkaSink.builder()
        .withClient(async () => kafka.client())
        .setRecordSerializer(byRow)
        .setDeliveryGuarantee(guarantee)
        .build();
      for (let i = 0; i < 2; i++) {
        const publisher = await sink.publisher(contextOf());
        await publisher.stamp('r1', 0, 0);
        expect(await publisher.publish(publicationOf(sink, ['a1'], AT))).toBe('published');
        await publisher.close();
      }
      expect(kafka.visible).toHaveLength(2);
      expect(kafka.offsets.size).toBe(0);
      expect(kafka.fences('job-out-0')).toBe(0);
    },
  );

  test('AT_LEAST_ONCE: while one slot has to be tried again, the others are not written again', async () => {
    const kafka = new FakeKafka();
    kafka.topics.set('a', 1);
    const sink = KafkaSink.builder()
      .withClient(async () => kafka.client())
      .setRecordSerializer(byRow)
      .setDeliveryGuarantee('AT_LEAST_ONCE')
      .build();
    const publisher = await sink.publisher(contextOf());
    const epoch = (at: number) =>
      Promise.allSettled([
        publisher.publish(publicationOf(sink, ['b1'], { ...AT, epoch: at, slot: 0 })),
        publisher.publish(publicationOf(sink, ['a1'], { ...AT, epoch: at, slot: 1 })),
      ]).then((outcomes) => outcomes.map(({ status }) => status));
    for (let tries = 0; tries < 3; tries++) expect(await epoch(1)).toEqual(['rejected', 'fulfilled']);
    kafka.topics.set('b', 1);
    expect(await epoch(1)).toEqual(['fulfilled', 'fulfilled']);
    expect(kafka.visible.map(({ topic }) => topic).toSorted()).toEqual(['a', 'b']);
    await epoch(2);
    expect(kafka.visible).toHaveLength(4);
  });

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
