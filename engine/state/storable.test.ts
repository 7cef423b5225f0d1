import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../model/errors.ts';
import { clone, pack, survivesPacking, unclone, unpack } from './serializer.ts';
import { checkStorable, isPlainlyStorable } from './storable.ts';

class Point {
  x = 1;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { v: value };
  return value;
}

function cyclic(): unknown {
  const value: { self?: unknown } = {};
  value.self = [value];
  return value;
}

/** What the checks let through comes back from a segment as it went in. */
const stored = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      null,
      undefined,
      true,
      false,
      NaN,
      Infinity,
      -Infinity,
      2 ** 53,
      -(2 ** 53),
      2 ** 63,
      -(2 ** 63),
      2 ** 31,
      2 ** 32,
    ),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\ud83d', 'a\udca9'.repeat(50)),
    fc.date(),
    fc.uint8Array(),
    fc.float64Array(),
    fc.int32Array(),
    fc.bigInt64Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.integer()), tie('value')), { maxLength: 4 })
      .map((entries) => new Map(entries)),
    fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 4 }).map((values) => new Set(values)),
  ),
})).value;

describe('what state can hold', () => {
  test('comes back from bytes as it was', () => {
    fc.assert(
      fc.property(stored, (value) => {
        checkStorable(value, 'it');
        expect(isPlainlyStorable(value)).toBe(true);
        expect(survivesPacking(value) ? unpack(pack(value)) : unclone(clone(value))).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test('bytes come back as plain bytes of their own', () => {
    const packed = Uint8Array.from(pack([new Uint8Array([1, 2, 3])]));
    const [bytes] = unpack(packed) as [Uint8Array];
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    packed.fill(0);
    expect([...bytes]).toEqual([1, 2, 3]);
  });

  test.each<[string, unknown, string]>([
    ['a class instance', new Point(), 'class Point'],
    ['one deep inside', { a: [{ b: new Point() }] }, '.a[0].b'],
    ['a function', { f: () => 1 }, '.f is a function'],
    ['a symbol', [Symbol('x')], 'symbol'],
    ['a map with a class instance', new Map([['k', new Point()]]), '.get(k)'],
    ['a map key that is one', new Map([[new Point(), 1]]), 'a key of'],
    ['a set of them', new Set([new Point()]), 'class Point'],
    ['an error', new Error('x'), 'class Error'],
    ['a regular expression', /x/, 'class RegExp'],
    ['a promise', Promise.resolve(1), 'class Promise'],
    ['what refers to itself', cyclic(), 'refers to itself'],
    ['what is nested too deep', nested(100), 'nested more than 64 deep'],
  ])('refuses %s', (_, value, message) => {
    expect(() => checkStorable(value, 'the value of state "s"')).toThrow(ConfigError);
    expect(() => checkStorable(value, 'the value of state "s"')).toThrow(message);
  });

  test('64 deep is not too deep', () => {
    checkStorable(nested(60), 'it');
    expect(unpack(pack(nested(60)))).toEqual(nested(60));
  });

  test('the quick check looks at the top', () => {
    expect([{}, [], 1, 'a', null, new Date(0), new Map(), new Set(), new Uint8Array(1)].every(isPlainlyStorable)).toBe(
      true,
    );
    expect([new Point(), () => 1, Symbol('x'), Promise.resolve()].some(isPlainlyStorable)).toBe(false);
  });
});
