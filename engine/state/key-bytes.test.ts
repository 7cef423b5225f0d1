import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../model/errors.ts';
import { murmur3 } from '../model/murmur3.ts';
import { keyBytes, keyHash, keyText } from './key-bytes.ts';

/** Computed by an implementation of its own (Python). They never change: committed state hangs on them. */
const VECTORS: readonly [key: unknown, bytes: string, hash: number, keyGroup: number][] = [
  ['', '73', 4283091697, 113],
  ['JFK', '734a464b', 1483892086, 118],
  ['customer-000042', '73637573746f6d65722d303030303432', 1415255878, 70],
  ['Zürich', '735ac3bc72696368', 210784095, 95],
  ['\u{1F600}', '73f09f9880', 4237865088, 0],
  ['1', '7331', 755411475, 19],
  [1, '6e3ff0000000000000', 171883822, 46],
  [0, '6e0000000000000000', 725683886, 46],
  [-0, '6e0000000000000000', 725683886, 46],
  [-1.5, '6ebff8000000000000', 738954706, 82],
  [1e300, '6e7e37e43c8800759c', 2211794543, 111],
  [NaN, '6e7ff8000000000000', 2854904788, 84],
  [true, '6201', 2024985674, 74],
  [false, '6200', 1556475527, 7],
  [1n, '6931', 3202618999, 119],
  [-(2n ** 70n), '692d31313830353931363230373137343131333033343234', 168016859, 91],
  [new Date(0), '640000000000000000', 4069733470, 94],
  [[], '6100000000', 2721752059, 123],
  [['a', 1], '6100000002000000027361000000096e3ff0000000000000', 579062604, 76],
  [[['a'], 1], '61000000020000000b6100000001000000027361000000096e3ff0000000000000', 1809590768, 112],
  [{ b: 1, a: 'x' }, '6f00000002000000027361000000027378000000027362000000096e3ff0000000000000', 3718322884, 68],
  [{}, '6f00000000', 1013751118, 78],
];

/** What can be a key; numbers without −0, which is another name of 0. */
const scalar = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.double().map((x) => x + 0),
  fc.boolean(),
  fc.bigInt(),
  fc.date(),
);
const anyKey = fc.letrec((tie) => ({
  key: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('key'), { maxLength: 3 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('key'), { maxKeys: 3 }),
  ),
})).key;

describe('canonical key bytes', () => {
  test.each(VECTORS)('%o', (key, bytes, hash, keyGroup) => {
    expect(Buffer.from(keyBytes(key)).toString('hex')).toBe(bytes);
    expect(keyHash(key)).toBe(hash);
    expect(keyHash(key) % 128).toBe(keyGroup);
  });

  test('of published murmur3 vectors', () => {
    const of = (text: string): number => murmur3(new TextEncoder().encode(text));
    expect([of(''), of('hello'), of('hello, world'), of('The quick brown fox jumps over the lazy dog')]).toEqual([
      0, 0x248bfa47, 0x149bbb7f, 0x2e4ff723,
    ]);
  });

  test('the fast hash of text is the hash of its bytes', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(keyHash(key)).toBe(murmur3(keyBytes(key).slice()));
      }),
    );
  });

  test('two keys have the same bytes exactly when they are equal', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(keyText(a) === keyText(b)).toBe(equal(a, b));
        expect(keyText(structuredClone(a))).toBe(keyText(a));
      }),
    );
  });

  test("the order of an object's fields does not matter; nesting does", () => {
    expect(keyText({ a: 1, b: 2 })).toBe(keyText({ b: 2, a: 1 }));
    expect(keyText(['ab', 'c'])).not.toBe(keyText(['a', 'bc']));
    expect(keyText([['a'], 'b'])).not.toBe(keyText(['a', ['b']]));
    expect(keyText(['1'])).not.toBe(keyText([1]));
  });

  test('a key longer than the scratch buffer', () => {
    const long = 'ü'.repeat(5000);
    expect(keyBytes(long)).toHaveLength(10_001);
    expect(keyHash('x'.repeat(5000))).toBe(murmur3(new TextEncoder().encode(`s${'x'.repeat(5000)}`)));
    expect(keyBytes([long, long])).toHaveLength(5 + 2 * 10_005);
  });

  test.each([
    [null],
    [undefined],
    [() => 1],
    [Symbol('x')],
    [new Map()],
    [new (class Point {})()],
    [[null]],
    [{ a: undefined }],
    ['a\ud800'],
    [['\udc00']],
    [{ '\ud800': 1 }],
  ])('refuses %o', (key) => {
    expect(() => keyBytes(key)).toThrow(ConfigError);
    expect(() => keyHash(key)).toThrow(ConfigError);
  });

  test('refuses a key that refers to itself', () => {
    const key: unknown[] = [];
    key.push(key);
    expect(() => keyBytes(key)).toThrow(ConfigError);
  });
});

/** Equality of keys, without bytes. */
function equal(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && Object.is(a.getTime(), b.getTime());
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [Object.entries(a), Object.entries(b)];
  return (
    x.length === y.length &&
    x.every(([name, value]) => Object.hasOwn(b, name) && equal(value, (b as Record<string, unknown>)[name]))
  );
}
