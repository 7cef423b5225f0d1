import { expect, it } from 'vitest';
import { csvEncoder, jsonEncoder, textEncoder } from './encoder.ts';

it('writes JSON', () => {
  expect(jsonEncoder().encode({ a: 1, b: [null, 'x\n'], c: undefined, d: new Date(0) })).toBe(
    '{"a":1,"b":[null,"x\\n"],"d":"1970-01-01T00:00:00.000Z"}',
  );
});

it.each([
  [{ a: NaN }, 'NaN at "a" has no JSON form; emit null'],
  [[Infinity], 'Infinity at "0"'],
  [{ a: { b: 1n } }, 'bigint at "b"'],
  [undefined, 'undefined has no JSON form'],
  [[undefined], 'undefined at "0" of an array'],
  [{ f: () => 1 }, 'a function at "f"'],
  [() => 1, 'a function at the top'],
])('refuses %o', (value, message) => expect(() => jsonEncoder().encode(value)).toThrow(message));

it('never writes one value as two lines', () => {
  expect(textEncoder().encode('a')).toBe('a');
  expect(() => textEncoder().encode('a\nb')).toThrow('line break');
  expect(() => textEncoder().encode(5 as never)).toThrow('map to a string first');
  expect(() => csvEncoder<{ a: string }>(['a']).encode({ a: 'x\ny' })).toThrow('line break');
  expect(() => csvEncoder<{ a: number }>(['a']).encode({ a: NaN })).toThrow('NaN in column "a"');
});
