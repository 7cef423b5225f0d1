/**
 * BlobStore of two: objects whose names end with `.small` stand in the table, all others in S3. Where a unit of writing costs an eighth of a PUT,
 * and deleting as much as writing, an item is cheaper than an object up to 4 KB (docs/cost.md).
 *
 *   jobs/<job>/<rest>.small   →   p = job#L#<0…7>, s = <rest>.small
 */
import { invariant } from '../model/errors.ts';
import { checkKey } from '../model/item-names.ts';
import { murmur3 } from '../model/murmur3.ts';
import { SMALL_OBJECT, type BlobInfo, type BlobStore } from '../ports/blob-store.ts';
import type { SmallItems } from './small-items.ts';
import { numbered, type TableKey } from './table-keys.ts';

/** An item's key and names are about 200 bytes of it. */
const SMALL_BYTES = 3_800;
/** A record that stands in ack and manifest is written and deleted twice. */
const INLINE_BYTES = 256;
/** A partition takes about 1,000 units of writing a second: a wide epoch's objects come all at once. */
const PARTITIONS = 8;
const NAME = /^jobs\/([^/]+)\/(.+)$/;

export class TwoTierBlobStore implements BlobStore {
  readonly inlineBytes = INLINE_BYTES;
  readonly smallBytes = SMALL_BYTES;
  readonly #items: SmallItems;
  readonly #objects: BlobStore;

  constructor(items: SmallItems, objects: BlobStore) {
    this.#items = items;
    this.#objects = objects;
  }

  async create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    const key = keyOf(name);
    if (key === null) return await this.#objects.create(name, chunks);
    const bytes = Buffer.concat(chunks);
    invariant(bytes.length <= SMALL_BYTES, `an object with ${bytes.length} bytes is not small: ${name}`);
    return await this.#items.create(key, bytes);
  }

  async read(name: string, from = 0, to?: number): Promise<Uint8Array | null> {
    const key = keyOf(name);
    if (key === null) return await this.#objects.read(name, from, to);
    invariant(to === undefined || to >= from, `a range [from, to) has from <= to: ${name} ${from} ${to}`);
    const bytes = await this.#items.read(key);
    return bytes === null || (from === 0 && to === undefined) ? bytes : bytes.slice(from, to);
  }

  async list(prefix: string): Promise<readonly BlobInfo[]> {
    const job = NAME.exec(prefix.endsWith('/') ? `${prefix}x` : prefix)?.[1];
    const [objects, ...small] = await Promise.all([
      this.#objects.list(prefix),
      ...(job === undefined ? [] : numbered(`${job}#L#`, PARTITIONS)).map((p) => this.#items.list(p)),
    ]);
    const named = small
      .flat()
      .map(({ s, size }) => ({ name: `jobs/${job}/${s}`, size }))
      .filter(({ name }) => name.startsWith(prefix));
    return [...objects, ...named].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async delete(name: string): Promise<void> {
    const key = keyOf(name);
    await (key === null ? this.#objects.delete(name) : this.#items.delete(key));
  }
}

/** Null: not in the table. */
function keyOf(name: string): TableKey | null {
  if (!name.endsWith(SMALL_OBJECT)) return null;
  checkKey(name);
  const [, job, rest] = NAME.exec(name) ?? [];
  return rest === undefined ? null : { p: `${job}#L#${murmur3(Buffer.from(rest)) % PARTITIONS}`, s: rest };
}
