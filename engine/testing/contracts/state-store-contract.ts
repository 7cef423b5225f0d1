/** What every StateStore must do (ports/state-store.ts). `make` returns an empty store each time. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_HEAD_BYTES } from '../../model/limits.ts';
import type { StateStore } from '../../ports/state-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | null | undefined): string | null => (value ? new TextDecoder().decode(value) : null);

export function describeStateStore(name: string, make: () => Promise<StateStore>): void {
  describe(`StateStore contract: ${name}`, { timeout: 30_000 }, () => {
    let store: StateStore;
    beforeEach(async () => {
      store = await make();
    });

    it('has no head at first', async () => {
      expect(await store.readHead('job')).toBeNull();
      expect(await store.listJobs()).toEqual([]);
    });

    it('replaces the head only from the expected version, which grows by one', async () => {
      expect(await store.casHead('job', 1, bytes('x'))).toBe('lost');
      expect(await store.casHead('job', 0, bytes('a'))).toBe('won');
      expect(await store.casHead('job', 0, bytes('b'))).toBe('lost');
      for (let version = 1; version < 40; version++)
        expect(await store.casHead('job', version, bytes(`v${version + 1}`))).toBe('won');
      expect(await store.casHead('job', 39, bytes('late'))).toBe('lost');
      expect(await store.casHead('job', 41, bytes('early'))).toBe('lost');
      const head = await store.readHead('job');
      expect([head?.version, text(head?.bytes)]).toEqual([40, 'v40']);
    });

    it('lets one of many win', async () => {
      for (let version = 0; version < 10; version++) {
        const results = await Promise.allSettled(
          Array.from({ length: 8 }, (_, i) => store.casHead('job', version, bytes(`${i}`))),
        );
        expect(results.filter((result) => result.status === 'fulfilled' && result.value === 'won')).toHaveLength(1);
      }
    });

    it('keeps jobs apart', async () => {
      await store.casHead('b', 0, bytes('1'));
      await store.casHead('a', 0, bytes('2'));
      await store.createItem('a', 'plan/1', bytes('3'));
      await store.createItem('c', 'plan/1', bytes('4'));
      expect(await store.listJobs()).toEqual(['a', 'b']);
      expect(await store.readItem('b', 'plan/1')).toBeNull();
      expect(text(await store.readItem('c', 'plan/1'))).toBe('4');
    });

    it('takes a head of the greatest size and refuses a larger one', async () => {
      expect(await store.casHead('job', 0, new Uint8Array(MAX_HEAD_BYTES).fill(7))).toBe('won');
      await expect(store.casHead('job', 1, new Uint8Array(MAX_HEAD_BYTES + 1))).rejects.toMatchObject({
        code: 'invariant',
      });
      expect((await store.readHead('job'))?.bytes.length).toBe(MAX_HEAD_BYTES);
    });

    it('creates an item once, and it never changes', async () => {
      const value = bytes('one');
      expect(await store.createItem('job', 'ack/1/2', value)).toBe('created');
      value.fill(0);
      expect(await store.createItem('job', 'ack/1/2', bytes('two'))).toBe('exists');
      expect(text(await store.readItem('job', 'ack/1/2'))).toBe('one');
      expect(await store.createItem('job', 'empty', new Uint8Array())).toBe('created');
      expect((await store.readItem('job', 'empty'))?.length).toBe(0);
    });

    it('lists keys by prefix in order of code units', async () => {
      const keys = [
        'ack/10/a',
        'ack/10',
        'ack/1.5',
        'ack/2',
        'ack/2/A',
        'ack/2/a',
        'ackno/1',
        'plan/1',
        'ack',
        'z=1_-.x',
      ];
      for (const key of keys) await store.createItem('job', key, bytes(key));
      expect(await store.listItems('job', '')).toEqual([...keys].sort());
      expect(await store.listItems('job', 'ack/')).toEqual(keys.filter((key) => key.startsWith('ack/')).sort());
      expect(await store.listItems('job', 'ack')).toEqual(keys.filter((key) => key.startsWith('ack')).sort());
      expect(await store.listItems('job', 'ack/2/')).toEqual(['ack/2/A', 'ack/2/a']);
      expect(await store.listItems('job', 'ack/1')).toEqual(['ack/1.5', 'ack/10', 'ack/10/a']);
      expect(await store.listItems('job', 'none/')).toEqual([]);
      for (const key of keys) expect(text(await store.readItem('job', key))).toBe(key);
    });

    it('deletes', async () => {
      await store.createItem('job', 'a/1', bytes('1'));
      await store.deleteItem('job', 'a/1');
      await store.deleteItem('job', 'a/1');
      expect(await store.readItem('job', 'a/1')).toBeNull();
      expect(await store.listItems('job', 'a/')).toEqual([]);
      expect(await store.createItem('job', 'a/1', bytes('2'))).toBe('created');
    });

    it('refuses names that are no names', async () => {
      for (const key of ['', '/a', 'a/', 'a//b', '../a', 'a/..', 'a b', 'a,b', 'ä'])
        await expect(store.createItem('job', key, bytes('x')), key).rejects.toMatchObject({ code: 'config' });
      await expect(store.readHead('../other')).rejects.toMatchObject({ code: 'config' });
    });
  });
}
