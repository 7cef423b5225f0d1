/**
 * What every Log must do (ports/log.ts). `make` returns an empty log each time, with segments small enough that a few dozen
 * records of 100 bytes fill several.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log, NewLogRecord } from '../../ports/log.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | null): string | null => (value === null ? null : new TextDecoder().decode(value));
const record = (timestamp: number, value = `v${timestamp}`): NewLogRecord => ({
  timestamp,
  key: bytes('k'),
  value: bytes(value),
});
const ALL = Number.MAX_SAFE_INTEGER;

export function describeLog(name: string, make: () => Promise<Log>): void {
  describe(`Log contract: ${name}`, { timeout: 30_000 }, () => {
    let log: Log;
    beforeEach(async () => {
      log = await make();
    });
    afterEach(() => log.close());
    const append = (topic: string, partition: number, records: readonly NewLogRecord[]): Promise<void> =>
      log.append([{ topic, partition, records }]);
    /** `batches` appends of ten records of 100 bytes; timestamps 1000 · batch + i. */
    const fill = async (batches: number): Promise<void> => {
      for (let b = 0; b < batches; b++)
        await append(
          't',
          0,
          Array.from({ length: 10 }, (_, i) => record(1000 * b + i, String(10 * b + i).padEnd(100, '.'))),
        );
    };

    it('creates, lists and deletes topics', async () => {
      expect(await log.topics()).toEqual([]);
      expect(await log.createTopic('b', 2)).toBe('created');
      expect(await log.createTopic('a', 1)).toBe('created');
      expect(await log.createTopic('b', 3)).toBe('exists');
      expect(await log.topics()).toEqual([
        { name: 'a', partitions: 1 },
        { name: 'b', partitions: 2 },
      ]);
      await append('b', 1, [record(1)]);
      await log.deleteTopic('b');
      await log.deleteTopic('b');
      expect(await log.topics()).toEqual([{ name: 'a', partitions: 1 }]);
      await expect(log.offsets('b', 1)).rejects.toMatchObject({ code: 'config' });
      await log.createTopic('b', 2);
      expect(await log.offsets('b', 1)).toEqual({ earliest: 0, latest: 0 });
      for (const bad of ['', '../x', 'a/b', 'a,b', '.x'])
        await expect(log.createTopic(bad, 1), bad).rejects.toMatchObject({ code: 'config' });
      await expect(log.createTopic('zero', 0)).rejects.toMatchObject({ code: 'config' });
      await expect(append('b', 2, [record(1)])).rejects.toMatchObject({ code: 'config' });
    });

    it('keeps everything of a record', async () => {
      await log.createTopic('t', 1);
      await append('t', 0, [
        { timestamp: 5, key: null, value: null },
        {
          timestamp: -1,
          key: bytes(''),
          value: bytes('ä'),
          headers: [
            ['h', bytes('1')],
            ['ü', bytes('')],
            ['h', bytes('2')],
          ],
        },
      ]);
      const [first, second] = await log.fetch('t', 0, 0, ALL, 1000);
      expect(first).toMatchObject({ offset: 0, timestamp: 5, key: null, value: null, headers: [] });
      expect([second?.offset, second?.timestamp, text(second!.key), text(second!.value)]).toEqual([1, -1, '', 'ä']);
      expect(second?.headers.map(([header, value]) => [header, text(value)])).toEqual([
        ['h', '1'],
        ['ü', ''],
        ['h', '2'],
      ]);
    });

    it('fetches ranges, about maxBytes, one record at least', async () => {
      await log.createTopic('t', 1);
      await fill(20);
      expect(await log.offsets('t', 0)).toEqual({ earliest: 0, latest: 200 });
      for (const maxBytes of [1, 130, 1000, 10_000, 1_000_000]) {
        const seen: number[] = [];
        for (let from = 7; from < 193;) {
          const records = await log.fetch('t', 0, from, 193, maxBytes);
          expect(records.length).toBeGreaterThan(0);
          if (records.length > 1)
            expect(records.reduce((sum, r) => sum + r.value!.length, 0)).toBeLessThanOrEqual(maxBytes);
          for (const r of records) {
            expect(text(r.value)).toBe(String(r.offset).padEnd(100, '.'));
            seen.push(r.offset);
          }
          from = seen[seen.length - 1]! + 1;
        }
        expect(seen).toEqual(Array.from({ length: 186 }, (_, i) => i + 7));
      }
      expect(await log.fetch('t', 0, 200, ALL, 100)).toEqual([]);
      expect(await log.fetch('t', 0, 10, 10, 100)).toEqual([]);
      await expect(log.fetch('t', 0, 201, ALL, 100)).rejects.toMatchObject({
        code: 'retryable',
        message: expect.stringMatching(/"t".*0.*200/),
      });
      await expect(log.fetch('t', 0, -1, ALL, 100)).rejects.toMatchObject({ code: 'retryable' });
    });

    it('takes large records and large appends', async () => {
      await log.createTopic('t', 1);
      const large = Array.from({ length: 30 }, (_, i) => record(i, String(i).repeat(100_000 / String(i).length)));
      await append('t', 0, large);
      for (let from = 0; from < 30;) {
        const records = await log.fetch('t', 0, from, ALL, 150_000);
        expect(records).toHaveLength(1);
        expect(Buffer.compare(records[0]!.value!, large[from]!.value!)).toBe(0);
        from++;
      }
      expect(await log.fetch('t', 0, 0, ALL, ALL)).not.toHaveLength(0);
    });

    it('finds offsets by time', async () => {
      await log.createTopic('t', 1);
      expect(await log.offsetForTime('t', 0, 5)).toBe(0);
      await fill(20);
      await append('t', 0, [record(500), record(19_000), record(30_000), record(25_000)]);
      expect(await log.offsetForTime('t', 0, -1)).toBe(0);
      expect(await log.offsetForTime('t', 0, 3)).toBe(3);
      expect(await log.offsetForTime('t', 0, 10)).toBe(10);
      expect(await log.offsetForTime('t', 0, 11_004)).toBe(114);
      expect(await log.offsetForTime('t', 0, 11_010)).toBe(120);
      expect(await log.offsetForTime('t', 0, 20_000)).toBe(202);
      expect(await log.offsetForTime('t', 0, 30_001)).toBe(204);
    });

    it('appends to several partitions, or to none', async () => {
      await log.createTopic('a', 2);
      await log.createTopic('b', 1);
      await log.append([
        { topic: 'a', partition: 1, records: [record(1), record(2)] },
        { topic: 'b', partition: 0, records: [record(3)] },
        { topic: 'a', partition: 1, records: [record(4)] },
        { topic: 'a', partition: 0, records: [] },
      ]);
      expect((await log.fetch('a', 1, 0, ALL, 10_000)).map((r) => r.timestamp)).toEqual([1, 2, 4]);
      await expect(
        log.append([
          { topic: 'a', partition: 0, records: [record(5)] },
          { topic: 'none', partition: 0, records: [record(6)] },
        ]),
      ).rejects.toMatchObject({ code: 'config' });
      expect(await log.offsets('a', 0)).toEqual({ earliest: 0, latest: 0 });
      expect(await log.offsets('b', 0)).toEqual({ earliest: 0, latest: 1 });
    });

    it('stores markers with the records, and refuses a zombie', async () => {
      await log.createTopic('t', 1);
      const marker = (run: string, epoch: number): { producer: string; run: string; epoch: number } => ({
        producer: 'job/sink/0',
        run,
        epoch,
      });
      const publish = (run: string, epoch: number): Promise<void> =>
        log.append([{ topic: 't', partition: 0, records: [record(epoch)] }], marker(run, epoch));
      expect(await log.lastMarker('job/sink/0')).toBeNull();
      await publish('r1', 1);
      await publish('r1', 3);
      expect(await log.lastMarker('job/sink/0')).toEqual(marker('r1', 3));
      await expect(publish('r1', 3)).rejects.toMatchObject({ code: 'fenced' });
      await expect(publish('r1', 2)).rejects.toMatchObject({ code: 'fenced' });
      await expect(publish('r2', 4)).rejects.toMatchObject({ code: 'fenced' });
      await log.stamp(marker('r2', 3));
      expect(await log.lastMarker('job/sink/0')).toEqual(marker('r2', 3));
      await expect(publish('r1', 4)).rejects.toMatchObject({ code: 'fenced' });
      await expect(log.stamp(marker('r1', 9))).rejects.toMatchObject({ code: 'fenced' });
      await publish('r2', 4);
      await log.stamp(marker('r2', 2));
      expect(await log.lastMarker('job/sink/0')).toEqual(marker('r2', 4));
      await log.append([], marker('r2', 5));
      expect(await log.lastMarker('job/sink/0')).toEqual(marker('r2', 5));
      expect(await log.lastMarker('job/sink/1')).toBeNull();
      expect((await log.fetch('t', 0, 0, ALL, 10_000)).map((r) => r.timestamp)).toEqual([1, 3, 4]);
    });

    it('drops whole old segments by bytes and by time', async () => {
      await log.createTopic('t', 1);
      await fill(40);
      await log.retain('t', {}, 1e12);
      expect(await log.offsets('t', 0)).toEqual({ earliest: 0, latest: 400 });
      await log.retain('t', { retainBytes: 24_000 }, 0);
      const bySize = await log.offsets('t', 0);
      expect(bySize.earliest).toBeGreaterThan(0);
      expect(bySize.earliest).toBeLessThanOrEqual(210);
      await expect(log.fetch('t', 0, 0, ALL, 100)).rejects.toMatchObject({ code: 'retryable' });
      expect((await log.fetch('t', 0, bySize.earliest, ALL, 100))[0]?.offset).toBe(bySize.earliest);
      // Older than 30,000: the records of batches before the 30th.
      await log.retain('t', { retainMs: 10_000 }, 40_000);
      const byTime = await log.offsets('t', 0);
      expect(byTime.earliest).toBeGreaterThan(bySize.earliest);
      expect(byTime.earliest).toBeLessThanOrEqual(300);
      await log.retain('t', { retainMs: 1 }, 1e12);
      expect(await log.offsets('t', 0)).toEqual({ earliest: 400, latest: 400 });
      await append('t', 0, [record(1)]);
      expect(await log.offsets('t', 0)).toEqual({ earliest: 400, latest: 401 });
      await expect(log.retain('none', {}, 0)).rejects.toMatchObject({ code: 'config' });
    });

    it('keeps the order of appends that are not awaited', async () => {
      await log.createTopic('t', 1);
      await Promise.all(Array.from({ length: 50 }, (_, i) => append('t', 0, [record(i)])));
      expect((await log.fetch('t', 0, 0, ALL, 100_000)).length).toBeGreaterThan(0);
      const timestamps: number[] = [];
      while (timestamps.length < 50)
        for (const r of await log.fetch('t', 0, timestamps.length, ALL, 100_000)) timestamps.push(r.timestamp);
      expect(timestamps).toEqual(Array.from({ length: 50 }, (_, i) => i));
    });
  });
}
