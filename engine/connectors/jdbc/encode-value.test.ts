import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { integerType, type ColumnType } from './column-type.ts';
import { encodeValue } from './encode-value.ts';

const DECIMAL: ColumnType = { kind: 'decimal', precision: null, scale: 0, special: false };
const TEXT: ColumnType = { kind: 'text', maxLength: 3, maxBytes: null, padded: false, takesNul: false };
const JSONB: ColumnType = { kind: 'json', takesNul: false };
const FLOAT: ColumnType = { kind: 'float', special: true, bytes: 4 };
const DOUBLE: ColumnType = { kind: 'float', special: true, bytes: 8 };
const CENTS: ColumnType = { kind: 'decimal', precision: 4, scale: 2, special: false };
const AT: ColumnType = { kind: 'timestamp', zoned: true };
const LOCAL: ColumnType = { kind: 'timestamp', zoned: false };

describe('written', () => {
  test.for<[unknown, ColumnType, unknown]>([
    [-0, integerType(32), '0'],
    ['+007', integerType(32), '7'],
    [2n ** 64n - 1n, integerType(64, { unsigned: true }), '18446744073709551615'],
    [true, integerType(8, { takesBoolean: true }), '1'],
    [1e21, DECIMAL, '1000000000000000000000'],
    ['1.50e-3', DECIMAL, '0.0015'],
    ['-0.0', DECIMAL, '0'],
    ['.5', DECIMAL, '0.5'],
    ['007.10', DECIMAL, '7.1'],
    ['😀😀😀', TEXT, '😀😀😀'],
    ['a  ', { ...TEXT, padded: true }, 'a'],
    [0, AT, '1970-01-01 00:00:00+00'],
    [1500, AT, '1970-01-01 00:00:01.5+00'],
    [new Date(10), LOCAL, '1970-01-01 00:00:00.01'],
    ['2024-01-31T08:00', LOCAL, '2024-01-31 08:00:00'],
    ['2024-01-31T08:00:00.123456789+02:30', AT, '2024-01-31 05:30:00.123456789+00'],
    ['2024-02-29', { kind: 'date' }, '2024-02-29'],
    [86_400_000 * 1.5, { kind: 'date' }, '1970-01-02'],
    [{ a: 1n.toString() }, JSONB, '{"a":"1"}'],
    ['{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', { kind: 'uuid' }, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    [[1, [2], null], { kind: 'array', element: integerType(32) }, '{"1",{"2"},NULL}'],
    [['"', '\\'], { kind: 'array', element: { ...TEXT } }, '{"\\"","\\\\"}'],
    [258, { kind: 'bits', bits: 9 }, new Uint8Array([1, 2])],
    [null, TEXT, null],
    [Uint8Array.of(1), { kind: 'bytes', maxBytes: 3, padTo: 3 }, Uint8Array.of(1, 0, 0)],
    ['2024-01-31 08:00:00,125', LOCAL, '2024-01-31 08:00:00.125'],
    ['-Infinity', DOUBLE, '-Infinity'],
    [NaN, FLOAT, 'NaN'],
    [-0, FLOAT, '0'],
    [3e38, FLOAT, '3e+38'],
    [2n ** 70n, FLOAT, '1180591620717411303424'],
    ['99.994', CENTS, '99.994'],
    [{ a: ['\u0001'] }, JSONB, '{"a":["\\u0001"]}'],
    [{ a: '\0' }, { kind: 'json', takesNul: true }, '{"a":"\\u0000"}'],
  ])('%o as %o', ([value, type, expected]) => {
    expect(encodeValue(value, type)).toEqual(expected);
  });
});

describe('refused', () => {
  test.for<[unknown, ColumnType, RegExp]>([
    [undefined, TEXT, /undefined/],
    [2 ** 53, integerType(64), /bigint beyond 2\^53/],
    [128, integerType(8), /not within -128\.\.127/],
    ['1.0', integerType(32), /an integer/],
    [true, integerType(32), /an integer/],
    ['', DECIMAL, /a decimal number/],
    ['1,5', DECIMAL, /a decimal number/],
    [
      '123.4',
      { kind: 'decimal', precision: 4, scale: 2, special: false },
      /3 digits before the point; the column holds 2/,
    ],
    [NaN, DECIMAL, /a decimal number/],
    [Infinity, { kind: 'float', special: false, bytes: 8 }, /does not take Infinity/],
    ['abcd', TEXT, /4 characters is longer/],
    [7, TEXT, /a string/],
    ['\ud800', TEXT, /surrogate/],
    ['\0', TEXT, /NUL/],
    ['éé', { ...TEXT, maxLength: null, maxBytes: 3 }, /4 bytes are more than the column's 3/],
    [new Uint8Array(4), { kind: 'bytes', maxBytes: 3 }, /4 bytes/],
    [1.5, AT, /whole milliseconds/],
    ['yesterday', AT, /a timestamp/],
    ['2024-13-01', AT, /a timestamp/],
    [8.64e15, AT, /between the years 1 and 9999/],
    [1, { kind: 'boolean' }, /a boolean/],
    ['{', JSONB, /JSON/],
    ['xyz', { kind: 'uuid' }, /UUID/],
    [512, { kind: 'bits', bits: 9 }, /9 bits/],
    ['1e400', DOUBLE, /1e400 is not within the range of a float of 8 bytes/],
    [10n ** 400n, DOUBLE, /not within the range/],
    [4e38, FLOAT, /not within the range of a float of 4 bytes/],
    [1e-50, FLOAT, /not within the range/],
    ['99.995', CENTS, /3 digits before the point/],
    [-0.995, { ...CENTS, precision: 2 }, /1 digits before the point/],
    ['2023-02-29', { kind: 'date' }, /a date/],
    ['0000-01-01', { kind: 'date' }, /a date/],
    [{ a: [{ '\0': 1 }] }, JSONB, /NUL/],
    ['["\\ud800"]', JSONB, /surrogate/],
    ['\0', { kind: 'other', takesNul: false }, /NUL/],
    ['{"\0"}', { kind: 'array', element: TEXT }, /NUL/],
  ])('%o as %o', ([value, type, message]) => {
    expect(() => encodeValue(value, type)).toThrow(message);
  });
});

test('equal decimals have one text, and it is the number', () => {
  const digits = fc.string({ unit: fc.constantFrom('0', '1', '2', '5', '9'), minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      digits,
      digits,
      fc.integer({ min: -20, max: 20 }),
      fc.boolean(),
      (whole, fraction, exponent, negative) => {
        const text = `${negative ? '-' : ''}${whole}.${fraction}e${exponent}`;
        const plain = encodeValue(text, DECIMAL) as string;
        expect(plain).toMatch(/^(?:0|-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?)$/);
        expect(Number(plain)).toBe(Number(text) === 0 ? 0 : Number(text));
        expect(encodeValue(`${negative ? '-' : ''}00${whole}.${fraction}000e${exponent}`, DECIMAL)).toBe(plain);
      },
    ),
  );
});

test('any time in milliseconds is written so that it reads as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(Date.parse((encodeValue(ms, AT) as string).replace('+00', 'Z').replace(' ', 'T'))).toBe(ms);
      expect(encodeValue(new Date(ms), AT)).toBe(encodeValue(ms, AT));
      expect(encodeValue(new Date(ms).toISOString(), LOCAL)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
    }),
  );
});
