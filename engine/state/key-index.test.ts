import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColumnSet } from '../model/source-batch.ts';
import { keyHash } from './key-bytes.ts';
import { compareIds, KeyIndex } from './key-index.ts';

/** A column of ASCII text as a scanner makes it; null and text with other characters beside it. */
function column(texts: readonly (string | null)[]): ColumnSet {
  const n = texts.length;
  const [start, end, hash] = [new Int32Array(n), new Int32Array(n), new Int32Array(n)];
  const nulls = new Uint8Array(n);
  const side: string[] = [];
  const bytes: number[] = [0xff];
  texts.forEach((text, i) => {
    if (text === null) {
      nulls[i] = 1;
      return;
    }
    if (!/^[\x20-\x7e]*$/.test(text)) {
      nulls[i] = 2;
      start[i] = side.push(text) - 1;
      return;
    }
    start[i] = bytes.length;
    let h = 0;
    for (const byte of Buffer.from(text)) {
      bytes.push(byte);
      h = (Math.imul(h, 31) + byte) | 0;
    }
    end[i] = bytes.length;
    hash[i] = h;
  });
  return {
    fields: new Map([['k', 0]]),
    bytes: Uint8Array.from(bytes),
    start: [start],
    end: [end],
    hash: [hash],
    numbers: [null],
    nulls: [nulls],
    side,
  };
}

const upTo = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

describe('KeyIndex', () => {
  test('gives equal keys one id, whatever kind they are', () => {
    const index = new KeyIndex(128);
    const keys = [
      'a',
      1,
      '1',
      true,
      1n,
      [1],
      { a: 1, b: 2 },
      new Date(1),
      NaN,
      'x'.repeat(40),
      'lang üöä und noch länger',
    ];
    const ids = keys.map((key) => index.idOf(key));
    expect(new Set(ids).size).toBe(keys.length);
    expect(keys.map((key) => index.idOf(structuredClone(key)))).toEqual(ids);
    expect(index.idOf({ b: 2, a: 1 })).toBe(ids[6]);
    expect(ids.map((id) => index.keys[id])).toEqual(keys);
    ids.forEach((id, i) => expect(index.keyGroups[id]).toBe(keyHash(keys[i]) % 128));
    expect(index.size).toBe(keys.length);
  });

  test('shows −0 as the 0 that it is', () => {
    const index = new KeyIndex(128);
    const id = index.idOf(-0);
    expect(index.idOf(0)).toBe(id);
    expect(Object.is(index.keys[id], 0)).toBe(true);
  });

  test('keeps its own copy of a composite key', () => {
    const index = new KeyIndex(128);
    const key = { a: 1 };
    const id = index.idOf(key);
    key.a = 2;
    expect(index.keys[id]).toEqual({ a: 1 });
    expect(index.idOf(key)).not.toBe(id);
  });

  test('text columns have the ids of the same text, known or not', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom('', 'a', 'b', 'Aa', 'BB'),
    );
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 40 }), { maxLength: 6 }), (batches) => {
        const byColumn = new KeyIndex(128);
        const byText = new KeyIndex(128);
        for (const batch of batches) {
          const out = new Int32Array(batch.length);
          byColumn.idsOfColumn(column(batch), 0, upTo(batch.length), 0, batch.length, out);
          expect([...out]).toEqual(batch.map((key) => byText.idOf(key)));
          expect([...out].map((id) => byColumn.keys[id])).toEqual(batch);
        }
      }),
    );
  });

  test('many text keys: tables and arena grow', () => {
    const index = new KeyIndex(128);
    const texts = Array.from({ length: 20_000 }, (_, i) => `key-${i}-${'x'.repeat(i % 50)}`);
    for (let round = 0; round < 2; round++) {
      const out = new Int32Array(texts.length);
      index.idsOfColumn(column(texts), 0, upTo(texts.length), 0, texts.length, out);
      expect([...out]).toEqual([...texts.keys()]);
    }
    expect(index.size).toBe(20_000);
  });

  test('names the row of a null key', () => {
    const index = new KeyIndex(128);
    expect(() => index.idsOfColumn(column(['a', 'b', null]), 0, upTo(3), 0, 3, new Int32Array(3))).toThrow('null');
    expect(index.failedRow).toBe(2);
  });

  test('sweep gives back dead ids, and every key keeps its identity', () => {
    const index = new KeyIndex(128);
    const live = new Map<number, unknown>();
    const keyOf = (i: number): unknown => (i % 3 === 0 ? [i] : i % 3 === 1 ? `k${i}` : i);
    for (let i = 0; i < 30_000; i++) {
      const key = keyOf(i);
      const id = index.idOf(key);
      expect(live.has(id)).toBe(false);
      if (i % 100 === 0) live.set(id, key);
      if (i % 1000 === 999) index.sweep((at) => live.has(at));
    }
    expect(index.keys.length).toBeLessThan(12_000);
    for (const [id, key] of live) {
      expect(index.keys[id]).toEqual(key);
      expect(index.idOf(key)).toBe(id);
      expect(index.keyGroups[id]).toBe(keyHash(key) % 128);
    }
    expect(index.idOf('k1')).not.toBe(-1);
  });

  test('a text column meets the new id of a key that was swept', () => {
    const index = new KeyIndex(128);
    const out = new Int32Array(5000);
    const texts = Array.from({ length: 5000 }, (_, i) => `k${i}`);
    index.idsOfColumn(column(texts), 0, upTo(5000), 0, 5000, out);
    index.sweep(() => false);
    expect(index.size).toBe(0);
    const other = index.idOf('another');
    index.idsOfColumn(column(texts), 0, upTo(5000), 0, 5000, out);
    expect([...out]).not.toContain(other);
    expect([...out].map((id) => index.keys[id])).toEqual(texts);
  });

  test('the order of ids follows the keys, not the ids', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' })), (keys) => {
        const [a, b] = [new KeyIndex(128), new KeyIndex(128)];
        const orderOf = (index: KeyIndex, inserted: readonly string[]): unknown[] => {
          const ids = inserted.map((key) => index.idOf(key)).sort((x, y) => compareIds(index, x, y));
          return ids.map((id) => index.keys[id]);
        };
        expect(orderOf(a, keys)).toEqual(orderOf(b, keys.toReversed()));
      }),
    );
  });
});
