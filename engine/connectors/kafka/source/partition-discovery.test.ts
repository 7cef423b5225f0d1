/** Where partitions begin and end, which there are, and what is said when a log is not what was read of it. */
import { describe, expect, it } from 'vitest';
import { RetryableError } from '../../../model/errors.ts';
import type { KnownSplits, SplitReader } from '../../../ports/source.ts';
import { FakeKafka } from './kafka-fixture.ts';
import { OffsetsInitializer } from './offsets-initializer.ts';
import { builder, ctx, drain, filled, latest, notices, open, p0, pass } from './source-fixture.ts';

describe('where it begins and ends', () => {
  const starts = async (kafka: FakeKafka, starting: OffsetsInitializer, known?: KnownSplits): Promise<number[]> => {
    const source = builder(kafka).setTopics('t').setGroupId('g').setStartingOffsets(starting).build();
    await source.validate(ctx);
    return (await source.discover(ctx, known)).map(({ startPosition }) => startPosition);
  };
  const three = async (): Promise<FakeKafka> => {
    const kafka = new FakeKafka();
    kafka.create('t', 3);
    for (let partition = 0; partition < 3; partition++)
      for (const value of ['a', 'b', 'c']) await kafka.append({ topic: 't', partition }, [value]);
    kafka.partition(p0)!.start = 1;
    kafka.groupOffsets.set('g t-1', 2);
    return kafka;
  };

  it.each([
    ['earliest', OffsetsInitializer.earliest(), [1, 0, 0]],
    ['latest', OffsetsInitializer.latest(), [3, 3, 3]],
    ['timestamp', OffsetsInitializer.timestamp(1001), [1, 1, 1]],
    ['a time beyond the end', OffsetsInitializer.timestamp(5000), [3, 3, 3]],
    ['committed', OffsetsInitializer.committedOffsets('latest'), [3, 2, 3]],
    ['given', OffsetsInitializer.offsets({ 't-2': 2 }), [1, 2, 2]],
    ['given, beyond the log', OffsetsInitializer.offsets({ 't-0': 0, 't-2': 99 }, 'latest'), [3, 2, 3]],
  ])('%s', async (_, starting, expected) => {
    expect(await starts(await three(), starting)).toEqual(expected);
  });

  it('nothing committed is refused with what to do', async () => {
    await expect(starts(await three(), OffsetsInitializer.committedOffsets())).rejects.toThrow(
      "no offset is committed for t-0, t-2. Say where to begin without one: OffsetsInitializer.committedOffsets('earliest')",
    );
  });

  it('partitions that a job has not read begin at their first record', async () => {
    const known: KnownSplits = new Map([['t-0', { position: 2, ended: false }]]);
    expect(await starts(await three(), OffsetsInitializer.latest(), known)).toEqual([2, 0, 0]);
  });

  it('a source that two operators use begins for each where that one stands', async () => {
    const source = builder(await filled(['a', 'b', 'c']))
      .setTopics('t')
      .build();
    const other = { ...ctx, operator: 'added later' };
    await source.validate(ctx);
    await source.validate(other);
    const started = async (at: typeof ctx, known?: KnownSplits): Promise<number[]> =>
      (await source.discover(at, known)).map(({ startPosition }) => startPosition);
    expect(await started(ctx, new Map([['t-0', { position: 2, ended: false }]]))).toEqual([2]);
    expect(await started(other)).toEqual([0]);
    expect(await started(ctx)).toEqual([2]);
  });

  it('an end that was fixed stays, whatever is appended', async () => {
    const kafka = await filled(['a']);
    const source = builder(kafka).setTopics('t').setBounded(latest).build();
    await source.validate(ctx);
    const [split] = await source.discover(ctx);
    await kafka.append(p0, ['b']);
    const again = builder(kafka).setTopics('t').setBounded(latest).build();
    const reader = await again.open(split!, 0, ctx);
    expect(await drain(reader)).toMatchObject({ values: ['a'], last: 'end' });
    await reader.close();
  });

  it('setUnbounded ends at its offsets too', async () => {
    const source = builder(await filled(['a']))
      .setTopics('t')
      .setUnbounded(latest)
      .build();
    expect([source.bounded, source.endless]).toEqual([false, false]);
    const [reader] = await open(source);
    expect((await drain(reader!)).last).toBe('end');
    await reader!.close();
  });
});

describe('discovery', () => {
  it('finds new partitions and topics of a pattern, no sooner than the interval says', async () => {
    const kafka = await filled(['a']);
    kafka.create('__t');
    kafka.create('xt');
    const source = builder(kafka)
      .setTopicPattern(/t\d*/)
      .setStartingOffsets(latest)
      .setProperty('partition.discovery.interval.ms', '100000')
      .build();
    await source.validate(ctx);
    const found = async (): Promise<unknown> =>
      (await source.discover(ctx)).map(({ id, startPosition }) => [id, startPosition]);
    expect(await found()).toEqual([['t-0', 1]]);
    kafka.create('t2', 2);
    await kafka.append({ topic: 't2', partition: 1 }, ['b']);
    expect(await found()).toEqual([['t-0', 1]]);
    pass(100_000);
    expect(await found()).toEqual([
      ['t-0', 1],
      ['t2-0', 0],
      ['t2-1', 0],
    ]);
    pass(100_000);
    kafka.failures.push({ what: 'topics', error: new RetryableError('no broker') });
    expect(await found()).toHaveLength(3);
    expect(notices.at(-1)).toBe('source orders could not look for new partitions');
  });

  it('topics that a pattern finds only later begin at their first record', async () => {
    const kafka = new FakeKafka();
    const source = builder(kafka)
      .setTopicPattern('t')
      .setStartingOffsets(latest)
      .setProperty('partition.discovery.interval.ms', '100000')
      .build();
    await source.validate(ctx);
    expect([await source.discover(ctx), source.endless]).toEqual([[], true]);
    kafka.create('t');
    await kafka.append(p0, ['a']);
    pass(100_000);
    expect((await source.discover(ctx)).map(({ startPosition }) => startPosition)).toEqual([0]);
  });

  it('names what is not there', async () => {
    const kafka = await filled(['a']);
    await expect(open(builder(kafka).setTopics('t', 'u').build())).rejects.toThrow(
      'Source orders: the cluster has no topic "u". Create it, or correct setTopics().',
    );
    await expect(open(builder(kafka).setPartitions(p0, { topic: 't', partition: 1 }).build())).rejects.toThrow(
      'no partition "t-1"',
    );
    await expect(open(builder(kafka).setTopicPattern('x.*').setBounded(latest).build())).rejects.toThrow(
      "no topic's name matches the pattern",
    );
  });
});

describe('a log that is not what was read', () => {
  const truncated = async (reset: string | null): Promise<SplitReader> => {
    const kafka = await filled(['a']);
    await kafka.append(p0, ['b']);
    await kafka.append(p0, ['c']);
    const base = builder(kafka).setTopics('t');
    const [reader] = await open((reset === null ? base : base.setProperty('auto.offset.reset', reset)).build());
    kafka.partition(p0)!.start = 2;
    return reader!;
  };

  it.each([
    [null, ['c']],
    ['earliest', ['c']],
    ['latest', []],
  ])('truncated, auto.offset.reset=%s: goes on behind the gap, counted and told', async (reset, values) => {
    const reader = await truncated(reset);
    const read = await drain(reader);
    expect(read.values).toEqual(values);
    const counts = new Map<string, number>();
    reader.takeCounts!(counts);
    expect(counts.get('offsetResets')).toBe(1);
    expect(counts.get('offsetsSkipped')).toBe(values.length === 1 ? 2 : 3);
    expect(notices.at(-1)).toContain('of topic "t" were deleted before they were read');
    await reader.close();
  });

  it('truncated, none: names split, position, what is kept, and what to do', async () => {
    const reader = await truncated('none');
    await expect(drain(reader)).rejects.toThrow(
      /Source orders: split t-0 is read up to offset 0, but topic "t" now keeps offsets 2 to 3 of it.*auto\.offset\.reset/,
    );
    await reader.close();
  });

  it('a topic that was created again is another one', async () => {
    const kafka = await filled(['a', 'b']);
    const source = builder(kafka).setTopics('t').setProperty('partition.discovery.interval.ms', '100000').build();
    const [reader] = await open(source);
    await drain(reader!);
    kafka.create('t');
    await kafka.append(p0, ['x', 'y', 'z']);
    pass(100_000);
    const known: KnownSplits = new Map([['t-0', { position: 2, ended: false, details: '{"topicId":"id-1"}' }]]);
    await expect(source.discover(ctx, known)).rejects.toThrow(
      'topic "t" was deleted and created again since split t-0 was read up to offset 2',
    );
    await reader!.close();
  });

  it('so is one that ends behind the position, whatever the reset says', async () => {
    const kafka = await filled(['a', 'b']);
    const source = builder(kafka).setTopics('t').setProperty('auto.offset.reset', 'earliest').build();
    await source.validate(ctx);
    const [split] = await source.discover(ctx);
    const reader = await source.open({ id: split!.id, startPosition: 0 }, 7, ctx);
    await expect(drain(reader)).rejects.toThrow('split t-0 is read up to offset 7, but topic "t" ends at 2');
    await reader.close();
  });

  it('a deleted topic fails the job that names it, and ends the split of a pattern', async () => {
    for (const byPattern of [false, true]) {
      const kafka = await filled(['a']);
      kafka.create('t2');
      const base = builder(kafka);
      const readers = await open((byPattern ? base.setTopicPattern('t.*') : base.setTopics('t', 't2')).build());
      await drain(readers[0]!);
      kafka.topics.delete('t');
      const ends = (async () => {
        while ((await readers[0]!.fill(10, null)) !== 'end') await new Promise((resolve) => setTimeout(resolve, 1));
        return 'end';
      })();
      if (byPattern) {
        expect(await ends).toBe('end');
        expect(notices.at(-1)).toBe('source orders: topic "t" was deleted; split t-0 ends');
      } else await expect(ends).rejects.toThrow('topic "t" is gone; split t-0 was read up to offset 1');
      await kafka.append({ topic: 't2', partition: 0 }, ['still read']);
      await expect.poll(async () => (await drain(readers[1]!)).values).toEqual(['still read']);
      for (const reader of readers) await reader.close();
    }
  });

  it('a split that is not subscribed to any more ends, and does not begin again unnoticed', async () => {
    const kafka = await filled(['a']);
    kafka.create('t2');
    const source = builder(kafka).setTopics('t2').build();
    const reader = await source.open({ id: 't-0', startPosition: 0 }, 1, ctx);
    expect(await drain(reader)).toMatchObject({ last: 'end' });
    const known: KnownSplits = new Map([['t-0', { position: 1, ended: true }]]);
    await expect(open(builder(kafka).setTopics('t').build(), known)).rejects.toThrow(
      'split t-0 ended for this job at offset 1',
    );
  });
});
