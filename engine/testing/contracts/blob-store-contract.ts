/** What every BlobStore must do (ports/blob-store.ts). `make` returns an empty store each time. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../ports/blob-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | null): string | null => (value === null ? null : new TextDecoder().decode(value));

export function describeBlobStore(name: string, make: () => Promise<BlobStore>): void {
  describe(`BlobStore contract: ${name}`, { timeout: 30_000 }, () => {
    let store: BlobStore;
    beforeEach(async () => {
      store = await make();
    });

    it('creates an object of its chunks once, and it never changes', async () => {
      const chunk = bytes('ab');
      expect(await store.create('seg/1/a', [chunk, new Uint8Array(), bytes('cde')])).toBe('created');
      chunk.fill(0);
      expect(await store.create('seg/1/a', [bytes('other')])).toBe('exists');
      expect(text(await store.read('seg/1/a'))).toBe('abcde');
      expect(await store.create('seg/empty', [])).toBe('created');
      expect((await store.read('seg/empty'))?.length).toBe(0);
      expect(await store.read('seg/none')).toBeNull();
    });

    it('reads ranges, cut to the size', async () => {
      await store.create('r', [bytes('0123456789')]);
      expect(text(await store.read('r', 2, 5))).toBe('234');
      expect(text(await store.read('r', 7))).toBe('789');
      expect(text(await store.read('r', 7, 100))).toBe('789');
      expect(text(await store.read('r', 4, 4))).toBe('');
      expect(text(await store.read('r', 20, 30))).toBe('');
      expect(await store.read('none', 0, 1)).toBeNull();
      await expect(store.read('r', 5, 4)).rejects.toMatchObject({ code: 'invariant' });
    });

    it('takes thousands of chunks and megabytes', async () => {
      const chunks = Array.from({ length: 3000 }, (_, i) => new Uint8Array(1000 + (i % 7)).fill(i));
      await store.create('big', chunks);
      const read = (await store.read('big'))!;
      expect(Buffer.compare(Buffer.concat(chunks), read)).toBe(0);
    });

    it('lists by prefix in order, with sizes', async () => {
      for (const [key, size] of [
        ['b/2', 3],
        ['b/10', 1],
        ['a/1', 2],
        ['bb/1', 4],
      ] as const)
        await store.create(key, [new Uint8Array(size)]);
      expect(await store.list('b/')).toEqual([
        { name: 'b/10', size: 1 },
        { name: 'b/2', size: 3 },
      ]);
      expect((await store.list('b')).map((info) => info.name)).toEqual(['b/10', 'b/2', 'bb/1']);
      expect(await store.list('')).toHaveLength(4);
    });

    it('deletes', async () => {
      await store.create('a/1', [bytes('1')]);
      await store.delete('a/1');
      await store.delete('a/1');
      expect(await store.read('a/1')).toBeNull();
      expect(await store.list('')).toEqual([]);
    });
  });
}
