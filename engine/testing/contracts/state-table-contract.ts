/** What every StateTable must do (ports/state-table.ts). `make` returns an empty table each time. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeyAddress, KeyRecord, RecordWrite, StateTable, TablePlace } from '../../ports/state-table.ts';
import { keyBytes } from '../../state/key-bytes.ts';

const PLACE: TablePlace = { job: 'job', namespace: 'run-1', operator: 'op' };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const at = (key: unknown, keyGroup = 3): KeyAddress => ({ keyGroup, key: Uint8Array.from(keyBytes(key)) });
const record = (epoch: number, text: string | null, eventTime = Infinity, processingTime = Infinity): KeyRecord => ({
  epoch,
  bytes: text === null ? null : bytes(text),
  eventTime,
  processingTime,
});
const shown = (found: KeyRecord | null): unknown =>
  found === null ? null : { ...found, bytes: found.bytes === null ? null : new TextDecoder().decode(found.bytes) };

export function describeStateTable(name: string, make: () => Promise<StateTable>): void {
  describe(`StateTable contract: ${name}`, { timeout: 60_000 }, () => {
    let table: StateTable;
    beforeEach(async () => {
      table = await make();
    });
    const put = async (address: KeyAddress, to: KeyRecord, was: KeyRecord | null = null): Promise<unknown> =>
      (await table.write(PLACE, [{ ...address, record: to, was }]))[0];
    const get = async (address: KeyAddress, place = PLACE): Promise<unknown> =>
      shown((await table.read(place, [address]))[0]!);
    const texts = (keys: readonly Uint8Array[]): string[] => keys.map((key) => Buffer.from(key).toString('hex')).sort();
    const due = async (...range: [group: number, from: number, until: number]): Promise<unknown> => {
      const found = await table.due(PLACE, range[0], 'event-time', range[1], range[2]);
      return { keys: texts(found.keys), next: found.next };
    };
    const hex = (...keys: unknown[]): string[] => texts(keys.map((key) => at(key).key));

    it('has nothing at first', async () => {
      expect(await table.read(PLACE, [at('a'), at('b')])).toEqual([null, null]);
      expect(await table.read(PLACE, [])).toEqual([]);
      expect(await table.write(PLACE, [])).toEqual([]);
      expect(await due(3, -Infinity, Infinity)).toEqual({ keys: [], next: Infinity });
      expect(await table.namespaces('job')).toEqual([]);
    });

    it('answers with records in the order of the keys, whatever a key is', async () => {
      const keys = [
        'a',
        'A',
        'ä',
        '',
        'a#b',
        1,
        '1',
        1n,
        true,
        -1.5,
        new Date(5),
        ['x', 1],
        { b: 1, a: 'y' },
        'k'.repeat(3000),
      ];
      const writes = keys.map((key, i): RecordWrite => ({ ...at(key), record: record(1, `v${i}`, i * 10), was: null }));
      expect(await table.write(PLACE, writes)).toEqual(keys.map(() => 'written'));
      const found = await table.read(PLACE, [at('none'), ...keys.map((key) => at(key))].reverse());
      expect(found.map(shown)).toEqual([...keys.map((_, i) => shown(record(1, `v${i}`, i * 10))).reverse(), null]);
      expect(await due(3, 0, 1000)).toEqual({ keys: hex(...keys), next: Infinity });
    });

    it('reads and writes many at once', async () => {
      const keys = Array.from({ length: 430 }, (_, i) => at(`key-${i}`, i % 5));
      await table.write(
        PLACE,
        keys.map((key, i) => ({ ...key, record: record(7, `v${i}`), was: null })),
      );
      const found = await table.read(PLACE, [...keys, at('none')]);
      expect(found.map((one) => one && new TextDecoder().decode(one.bytes))).toEqual([
        ...keys.map((_, i) => `v${i}`),
        null,
      ]);
    });

    it('replaces only the record that the writer has seen', async () => {
      const a = at('a');
      expect(await put(a, record(3, 'three'), record(2, 'two'))).toBe('changed');
      expect(await put(a, record(3, 'three'))).toBe('written');
      expect(await put(a, record(4, 'four'))).toBe('changed');
      expect(await put(a, record(5, 'five'), record(3, 'three'))).toBe('written');
      expect(await put(a, record(4, 'late'), record(3, 'three'))).toBe('changed');
      expect(await get(a)).toEqual(shown(record(5, 'five')));
    });

    it('a repeated write is written, and one of many with the same epoch is as good as another', async () => {
      const write: RecordWrite = { ...at('a'), record: record(3, 'three', 40), was: null };
      const all = await Promise.all([1, 2, 3, 4].map(() => table.write(PLACE, [write])));
      expect(all.flat()).toEqual(['written', 'written', 'written', 'written']);
      expect(await get(at('a'))).toEqual(shown(record(3, 'three', 40)));
      expect(await due(3, 0, 100)).toEqual({ keys: hex('a'), next: Infinity });
    });

    it('lets one of many with different epochs win, and the others see it', async () => {
      const outcomes = await Promise.all([2, 3, 4, 5].map((epoch) => put(at('a'), record(epoch, `${epoch}`, epoch))));
      expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
      const epoch = outcomes.indexOf('written') + 2;
      expect(await get(at('a'))).toEqual(shown(record(epoch, `${epoch}`, epoch)));
      expect(await due(3, epoch, epoch)).toMatchObject({ keys: hex('a') });
    });

    it('a tombstone stays where the record was, and is not due', async () => {
      await put(at('a'), record(3, 'three', 40));
      expect(await put(at('a'), record(4, null), record(3, 'three', 40))).toBe('written');
      expect(await get(at('a'))).toEqual(shown(record(4, null)));
      expect(await put(at('a'), record(3, 'three'))).toBe('changed');
      expect(await due(3, 0, 100)).toEqual({ keys: [], next: Infinity });
      expect(await put(at('a'), record(9, 'again', 50), record(4, null))).toBe('written');
      expect(await due(3, 0, 100)).toEqual({ keys: hex('a'), next: Infinity });
      // Of a key that nobody had.
      expect(await put(at('b'), record(4, null))).toBe('written');
      expect(await put(at('b'), record(3, 'late'))).toBe('changed');
    });

    it('says who is due, by group and time domain, and when the next is', async () => {
      const times: Record<string, number> = { a: 10, b: 10, c: 20, d: 30.5, e: -5, f: 8.64e15, g: -8.64e15 };
      for (const [key, time] of Object.entries(times)) await put(at(key), record(1, key, time));
      await put(at('other', 4), record(1, 'x', 15));
      await put(at('p'), record(1, 'x', Infinity, 12));
      expect(await due(3, 0, 19)).toEqual({ keys: hex('a', 'b'), next: 20 });
      expect(await due(3, 10, 20)).toEqual({ keys: hex('a', 'b', 'c'), next: 30.5 });
      expect(await due(3, 20.5, 30)).toEqual({ keys: [], next: 30.5 });
      expect(await due(3, -Infinity, -1)).toEqual({ keys: hex('e', 'g'), next: 10 });
      expect(await due(3, -Infinity, Infinity)).toEqual({
        keys: hex('a', 'b', 'c', 'd', 'e', 'f', 'g'),
        next: Infinity,
      });
      expect(await due(4, 0, 100)).toEqual({ keys: hex('other'), next: Infinity });
      const processing = await table.due(PLACE, 3, 'processing-time', 0, 100);
      expect([texts(processing.keys), processing.next]).toEqual([hex('p'), Infinity]);
    });

    it('a time that moves is found where it is', async () => {
      await put(at('a'), record(1, 'x', 10, 100));
      await put(at('a'), record(2, 'x', 30, 100), record(1, 'x', 10, 100));
      expect(await due(3, 0, 20)).toEqual({ keys: [], next: 30 });
      expect(await due(3, 0, 30)).toEqual({ keys: hex('a'), next: Infinity });
      await put(at('a'), record(3, 'x', 10), record(2, 'x', 30, 100));
      expect(await due(3, 0, 50)).toEqual({ keys: hex('a'), next: Infinity });
      expect((await table.due(PLACE, 3, 'processing-time', 0, 200)).keys).toEqual([]);
    });

    it('keeps a record of 5 MB whole, and small and large ones in turn', async () => {
      const large = (size: number, seed: number): Uint8Array =>
        Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 255);
      const sizes = [5_000_000, 10, 1_000_000, 700_000, 0];
      let was: KeyRecord | null = null;
      for (const [i, size] of sizes.entries()) {
        const next: KeyRecord = { epoch: i + 1, bytes: large(size, i), eventTime: Infinity, processingTime: Infinity };
        expect(await put(at('a'), next, was)).toBe('written');
        const [found] = await table.read(PLACE, [at('a')]);
        expect(Buffer.compare(found!.bytes!, next.bytes!)).toBe(0);
        was = next;
      }
      await table.write(
        PLACE,
        Array.from({ length: 6 }, (_, i) => ({
          ...at(`large-${i}`),
          record: { ...record(1, 'x'), bytes: large(3_500_000, i) },
          was: null,
        })),
      );
      const all = await table.read(
        PLACE,
        Array.from({ length: 6 }, (_, i) => at(`large-${i}`)),
      );
      all.forEach((one, i) => expect(Buffer.compare(one!.bytes!, large(3_500_000, i))).toBe(0));
    });

    it('scans the live records of a key group', async () => {
      for (let i = 0; i < 30; i++) await put(at(`k${i}`, i % 2), record(1, `v${i}`, i));
      await put(at('k0', 0), record(2, null), record(1, 'v0', 0));
      await put(at('k2', 0), { ...record(2, 'x'), bytes: new Uint8Array(900_000).fill(3) }, record(1, 'v2', 2));
      const found: [string, number][] = [];
      for await (const page of table.scan(PLACE, 0))
        for (const one of page) found.push([Buffer.from(one.key).toString('latin1'), one.record.bytes!.length]);
      const expected = Array.from({ length: 30 }, (_, i) => i)
        .filter((i) => i % 2 === 0 && i > 0)
        .map((i): [string, number] => [`sk${i}`, i === 2 ? 900_000 : `v${i}`.length]);
      expect(new Map(found)).toEqual(new Map(expected));
    });

    it('keeps jobs, namespaces and operators apart, and drops a namespace', async () => {
      const places = [
        PLACE,
        { ...PLACE, job: 'job2' },
        { ...PLACE, namespace: 'run-2' },
        { ...PLACE, namespace: 'run-10' },
        { ...PLACE, operator: 'op2' },
      ];
      for (const [i, place] of places.entries())
        await table.write(place, [{ ...at('a', i), record: record(1, `v${i}`, 5, 6), was: null }]);
      for (const [i, place] of places.entries()) {
        expect(await get(at('a', i), place)).toEqual(shown(record(1, `v${i}`, 5, 6)));
        expect((await table.due(place, i, 'event-time', 0, 9)).keys).toHaveLength(1);
      }
      expect([...(await table.namespaces('job'))].sort()).toEqual(['run-1', 'run-10', 'run-2']);
      await table.drop('job', 'run-1');
      await table.drop('job', 'run-1');
      await table.drop('job', 'never');
      expect([...(await table.namespaces('job'))].sort()).toEqual(['run-10', 'run-2']);
      const left = await Promise.all(places.map((place, i) => get(at('a', i), place)));
      expect(left.map((one) => one !== null)).toEqual([false, true, true, true, false]);
      expect((await table.due(PLACE, 0, 'event-time', 0, 9)).keys).toEqual([]);
      expect((await table.due(PLACE, 0, 'processing-time', 0, 9)).keys).toEqual([]);
    });
  });
}
