import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CorruptionError } from '../model/errors.ts';
import { readSegment, SegmentWriter } from './segment.ts';

type Entry = [keyGroup: number, key: unknown, name: string, sub: unknown, value: unknown, removed: boolean];

function write(entries: readonly Entry[]): Uint8Array | null {
  const writer = new SegmentWriter();
  for (const [keyGroup, key, name, sub, value, removed] of entries) {
    if (removed) writer.remove(keyGroup, key, name, sub);
    else writer.put(keyGroup, key, name, sub, value);
  }
  return writer.finish();
}

function read(bytes: Uint8Array, from = 0, to = Infinity): unknown[] {
  const out: unknown[] = [];
  readSegment(bytes, from, to, 'the segment', {
    restore: (...entry) => out.push(entry),
    restoreRemoved: (...entry) => out.push([...entry, 'removed']),
  });
  return out;
}

const plain = (entries: readonly Entry[]): unknown[] =>
  entries.map(([, key, name, sub, value, removed]) => [key, name, sub, removed ? 'removed' : value]);

const SMALL: Entry[] = [
  [3, 'a', 'value:count', null, 7, false],
  [3, 'b', 'value:count', null, null, true],
  [9, ['x', 1], 'pane', 3_600_000, { sum: 1.5, n: 2 }, false],
  [9, 'c', 'map:m', 'k', new Date(5), false],
];
/** Compressible, and large enough to be compressed. */
const LARGE: Entry[] = Array.from({ length: 500 }, (_, i): Entry => [
  i % 4,
  `key-${i}`,
  'value:v',
  null,
  { n: i, text: 'same' },
  false,
]);

describe('a state segment', () => {
  test('is null when nothing was written', () => {
    expect(write([])).toBeNull();
  });

  test('gives back what was put in, in order, and only the key groups asked for', () => {
    expect(read(write(SMALL)!)).toEqual(plain(SMALL));
    expect(read(write(SMALL)!, 4, 10)).toEqual(plain(SMALL.slice(2)));
    expect(read(write(SMALL)!, 0, 9)).toEqual(plain(SMALL.slice(0, 2)));
    expect(write(LARGE)![5]).toBe(1);
    expect(read(write(LARGE)!)).toEqual(plain([0, 1, 2, 3].flatMap((g) => LARGE.filter(([group]) => group === g))));
  });

  test('any entries', () => {
    const value = fc.oneof(
      fc.jsonValue().filter((v) => v !== null),
      fc.constantFrom<unknown[]>(-0, '\ud800', { a: [-0, 0] }, ['ok', 'x\udc00'], new Map([[1, -0]]), {
        toJSON: 1,
        n: -0,
      }),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
    );
    const entry = fc.tuple(
      fc.nat(5),
      fc.string(),
      fc.constantFrom('a', 'b'),
      fc.oneof(fc.constant(null), fc.integer(), fc.string(), fc.constant('\udfff')),
      value,
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
        const sorted = [0, 1, 2, 3, 4, 5].flatMap((g) => entries.filter(([group]) => group === g));
        expect(read(write(entries)!)).toStrictEqual(plain(sorted));
      }),
    );
  });

  test.each([
    ['small', SMALL],
    ['compressed', LARGE],
  ])('every byte flipped, %s: corruption, or the same data', (_, entries) => {
    const bytes = write(entries)!;
    const whole = read(bytes);
    for (let i = 0; i < bytes.length; i++) {
      for (const mask of [0x01, 0x02, 0x80, 0xff]) {
        const damaged = bytes.slice();
        damaged[i]! ^= mask;
        let got: unknown;
        try {
          got = read(damaged);
        } catch (error) {
          expect(error, `byte ${i}`).toBeInstanceOf(CorruptionError);
          continue;
        }
        expect(got, `byte ${i}`).toEqual(whole);
      }
    }
  });

  test('cut short or lengthened anywhere: corruption', () => {
    const bytes = write(SMALL)!;
    for (let n = 0; n < bytes.length; n++) expect(() => read(bytes.slice(0, n)), `${n} bytes`).toThrow(CorruptionError);
    expect(() => read(Uint8Array.from([...bytes, 0]))).toThrow(CorruptionError);
  });
});
