/** Contract: what was sent is read, by offset and by time, whatever the codec; ends and beginnings of logs. */
import { describe, expect, it } from 'vitest';
import type { Compression } from '../../../engine/connectors/kafka/client/kafka-client.ts';
import { RecordDecoder } from '../../../engine/connectors/kafka/client/record-batch-decoder.ts';
import { headersOf, keyOf, valueOf } from '../../../engine/connectors/kafka/client/record-columns.ts';
import { ConfigError } from '../../../engine/model/errors.ts';
import { batch, type ContractWorld, record } from './contract-world.ts';
import { RawRequests } from './raw-requests.ts';

const CODECS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export function recordsContract(w: ContractWorld): void {
  describe('records', () => {
    it('come back whole, in every codec: key, value, headers, time, tombstones', async () => {
      const topic = await w.topic('codecs');
      const producer = await w.client.producer();
      const timestamp = Date.now() - 5_000;
      for (const codec of CODECS) {
        const headers = [['codec', Buffer.from(codec)] as const, ['codec', Buffer.alloc(0)] as const];
        const records = [
          record(codec.repeat(500), { key: Buffer.from('ä'), headers, timestamp }),
          record('', { value: null }),
        ];
        await producer.send([{ topic, partition: 0, records }], codec);
      }
      const { records } = await w.fetchOne({ topic, partition: 0 }, 0);
      const columns = await new RecordDecoder({ topic }).decode(records, 0);
      expect([columns.n, columns.nextOffset]).toEqual([10, 10]);
      for (const [i, codec] of CODECS.entries()) {
        expect(Buffer.from(keyOf(columns, 2 * i)!).toString()).toBe('ä');
        expect(Buffer.from(valueOf(columns, 2 * i)!).toString()).toBe(codec.repeat(500));
        expect(headersOf(columns, 2 * i).map(([k, v]) => [k, Buffer.from(v).toString()])).toEqual([
          ['codec', codec],
          ['codec', ''],
        ]);
        expect(columns.timestamps[2 * i]).toBe(timestamp);
        expect([keyOf(columns, 2 * i + 1), valueOf(columns, 2 * i + 1)]).toEqual([null, null]);
      }
    });

    it("come back when the broker has compressed them anew, with Java's codecs", async () => {
      const producer = await w.client.producer();
      const values = Array.from({ length: 300 }, (_, i) => `${i}`.repeat(100));
      for (const codec of CODECS.slice(1)) {
        const topic = await w.topic(`java-${codec}`, 1, { 'compression.type': codec });
        await producer.send([batch(topic, values)], codec === 'gzip' ? 'lz4' : 'none');
        const { records } = await w.fetchOne({ topic, partition: 0 }, 0);
        expect(records.bytes[22]! & 7).toBe(CODECS.indexOf(codec));
        expect(await w.read(topic)).toEqual(values);
      }
    });

    it('are sent in order to many partitions, in batches of any number, and read from any offset', async () => {
      const topic = await w.topic('many', 5);
      const producer = await w.client.producer();
      const values = Array.from({ length: 16_000 }, (_, i) => `${i}-${'x'.repeat(60)}`);
      const batches = [0, 1, 2, 3, 4].map((partition) => batch(topic, values.slice(partition), partition));
      await Promise.all([
        producer.send([...batches, batch(topic, [], 2), batch(topic, ['more'], 2)], 'none'),
        producer.send([batch(topic, ['last'], 2)], 'none'),
      ]);
      for (const partition of [0, 4])
        expect(await w.read(topic, 'read_committed', partition)).toEqual(values.slice(partition));
      expect((await w.read(topic, 'read_committed', 2, 15_990)).map((v) => v.split('-')[0])).toEqual([
        ...['15992', '15993', '15994', '15995', '15996', '15997', '15998', '15999'],
        ...['more', 'last'],
      ]);
      await producer.close();
      await expect(producer.send([batch(topic, ['x'])], 'none')).rejects.toThrow(/closed/u);
    });
  });
}

export function limitsContract(w: ContractWorld): void {
  describe('limits', () => {
    it('records of topics that take only small batches are sent in small ones; one that is too large is refused', async () => {
      const topic = await w.topic('small', 1, { 'max.message.bytes': '3000' });
      const producer = await w.client.producer();
      const values = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(50, '.'));
      await producer.send([batch(topic, values)], 'none');
      expect(await w.read(topic)).toEqual(values);
      const tooLarge = producer.send([batch(topic, ['small', 'x'.repeat(4000)])], 'none');
      await expect(tooLarge).rejects.toThrow(ConfigError);
      await expect(tooLarge).rejects.toThrow(/max\.message\.bytes/u);
      await producer.send([batch(topic, ['after'])], 'none');
      expect((await w.read(topic)).at(-1)).toBe('after');
    });

    it('a batch comes whole, however small the fetch', async () => {
      const topic = await w.topic('whole', 2);
      const producer = await w.client.producer();
      const value = 'z'.repeat(100_000);
      await producer.send([batch(topic, [value, value]), batch(topic, [value], 1)], 'none');
      const requests = [0, 1].map((partition) => ({ topic, partition, from: 0 }));
      const answers = await w.client.fetch(requests, { maxBytes: 1000, maxWaitMs: 100, isolation: 'read_committed' });
      const sizes = answers.map((answer) => (answer.kind === 'records' ? answer.records.bytes.length : -1));
      expect(Math.max(...sizes)).toBeGreaterThan(100_000);
      expect(await w.read(topic)).toEqual([value, value]);
    });

    it('records of several partitions come in one answer, in the order of the requests, none starved', async () => {
      const topic = await w.topic('fair', 4);
      const producer = await w.client.producer();
      const values = Array.from({ length: 40 }, () => 'y'.repeat(20_000));
      await producer.send(
        [0, 1, 2, 3].map((partition) => batch(topic, values, partition)),
        'none',
      );
      const from = [0, 0, 0, 0];
      for (let fetches = 0; fetches < 8; fetches++) {
        const requests = [3, 2, 1, 0].map((partition) => ({ topic, partition, from: from[partition]! }));
        const answers = await w.client.fetch(requests, {
          maxBytes: 500_000,
          maxWaitMs: 100,
          isolation: 'read_committed',
        });
        for (const [i, answer] of answers.entries()) {
          if (answer.kind !== 'records') throw new Error(answer.kind);
          const columns = await new RecordDecoder({ topic }).decode(answer.records, requests[i]!.from);
          from[requests[i]!.partition] = columns.nextOffset;
        }
      }
      expect(Math.min(...from)).toBeGreaterThan(0);
    });
  });
}

export function endsContract(w: ContractWorld): void {
  describe('ends of logs', () => {
    it('earliest, latest, by time', async () => {
      const topic = await w.topic('ends', 2);
      const start = Date.now() - 100_000;
      const producer = await w.client.producer();
      for (const i of [0, 1, 2])
        await producer.send(
          [{ topic, partition: 0, records: [record(`${i}`, { timestamp: start + 1000 * i })] }],
          'none',
        );
      const partitions = [1, 0].map((partition) => ({ topic, partition }));
      const at = (spec: Parameters<typeof w.client.offsets>[1]): Promise<readonly number[]> =>
        w.client.offsets(partitions, spec, 'read_committed');
      expect(await at('earliest')).toEqual([0, 0]);
      expect(await at('latest')).toEqual([0, 3]);
      expect(await at({ timestampMs: start + 1 })).toEqual([0, 1]);
      expect(await at({ timestampMs: start + 2000 })).toEqual([0, 2]);
      expect(await at({ timestampMs: start + 2001 })).toEqual([0, 3]);
      expect(await w.client.offsets([], 'latest', 'read_committed')).toEqual([]);
      const empty = await w.fetchOne({ topic, partition: 0 }, 3);
      expect([empty.records.bytes.length, empty.highWatermark, empty.lastStableOffset]).toEqual([0, 3, 3]);
    });

    it('out of range: beyond the end, and before what retention has left', async () => {
      const topic = await w.topic('range', 2);
      const producer = await w.client.producer();
      await producer.send(
        [0, 1].map((partition) => batch(topic, ['a', 'b', 'c', 'd'], partition)),
        'none',
      );
      const raw = await RawRequests.to(w.address);
      await raw.deleteRecords(topic, 3);
      await raw.close();
      const requests = [
        { topic, partition: 0, from: 1 },
        { topic, partition: 1, from: 2 },
        { topic, partition: 1, from: 99 },
      ];
      for (const [i, expected] of [
        [0, { earliest: 3, latest: 4 }],
        [2, { earliest: 0, latest: 4 }],
      ] as const) {
        const [answer] = await w.client.fetch([requests[i]!], {
          maxBytes: 1000,
          maxWaitMs: 10,
          isolation: 'read_committed',
        });
        expect(answer).toEqual({ kind: 'out-of-range', ...expected });
      }
      const both = await w.client.fetch(requests.slice(0, 2), {
        maxBytes: 1000,
        maxWaitMs: 10,
        isolation: 'read_committed',
      });
      expect(both.map(({ kind }) => kind)).toEqual(['out-of-range', 'records']);
      expect(await w.read(topic, 'read_committed', 0, 3)).toEqual(['d']);
      expect((await w.fetchOne({ topic, partition: 0 }, 3)).logStartOffset).toBe(3);
    });
  });
}

export function recreatedContract(w: ContractWorld): void {
  it('records of a topic that was deleted and created again are those of another topic', async () => {
    const topic = await w.topic('again');
    const idOf = async (): Promise<string | null | undefined> => (await w.client.topics([topic]))[0]!.id;
    const topicId = await idOf();
    const producer = await w.client.producer();
    const options = { maxBytes: 1000, maxWaitMs: 10, isolation: 'read_committed' } as const;
    await producer.send([batch(topic, ['old'])], 'none');
    expect((await w.client.fetch([{ topic, partition: 0, from: 0, topicId: topicId! }], options))[0]!.kind).toBe(
      'records',
    );
    // By another client: nothing tells this one.
    const other = await w.open();
    await other.deleteTopic(topic);
    await expect.poll(async () => await other.topics([topic])).toEqual([]);
    await other.createTopic(topic, 1, 1, {});
    await (await other.producer()).send([batch(topic, ['new'])], 'none');
    const stale = w.client.fetch([{ topic, partition: 0, from: 0, topicId: topicId! }], options);
    await expect(stale).rejects.toThrow(ConfigError);
    await expect(stale).rejects.toThrow(/deleted and created again/u);
    expect(await idOf()).not.toBe(topicId);
    expect(await w.read(topic)).toEqual(['new']);
  });
}
