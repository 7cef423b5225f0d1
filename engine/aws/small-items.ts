/** Small immutable objects as items: create if absent, with the size beside the bytes so that a list need not read them. */
import { bytesOf, newNonce, type TableItems } from './table-items.ts';
import type { TableKey } from './table-keys.ts';

export class SmallItems {
  readonly #items: TableItems;

  constructor(items: TableItems) {
    this.#items = items;
  }

  async create(key: TableKey, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return await this.#items.create(key, { b: { B: bytes }, z: { N: `${bytes.length}` } }, newNonce());
  }

  async read(key: TableKey): Promise<Uint8Array | null> {
    const item = await this.#items.get(key);
    return item === null ? null : bytesOf(item, key.s);
  }

  async list(p: string): Promise<readonly { readonly s: string; readonly size: number }[]> {
    const items = await this.#items.list(p, '', 's, z');
    return items.map((item) => ({ s: item['s']!.S!, size: Number(item['z']?.N ?? 0) }));
  }

  async delete(key: TableKey): Promise<void> {
    await this.#items.delete(key);
  }
}
