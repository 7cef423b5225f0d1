import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutRange, JdbcNumericBetweenParametersProvider } from './parameters-provider.ts';
import { unitsOf } from './value-units.ts';

test('ranges follow each other from end to end, none is empty, and sizes differ by one at most', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }),
      fc.bigInt(0n, 2n ** 60n),
      fc.integer({ min: 1, max: 50 }),
      (from, size, n) => {
        const ranges = cutRange(from, from + size, n);
        expect(ranges).toHaveLength(Number(size < BigInt(n) ? size : BigInt(n)));
        let at = from;
        for (const range of ranges) {
          expect(range.from).toBe(at);
          expect(range.to > range.from).toBe(true);
          at = range.to;
        }
        expect(at).toBe(from + size);
        const sizes = ranges.map(({ from: a, to: b }) => b - a);
        if (sizes.length > 0) expect(sizes[0]! - sizes.at(-1)! <= 1n).toBe(true);
      },
    ),
  );
});

describe('JdbcNumericBetweenParametersProvider', () => {
  test('as Flink cuts', () => {
    const provider = new JdbcNumericBetweenParametersProvider(1001, 1010);
    expect(provider.ofBatchNum(3).getParameterValues()).toEqual([
      [1001n, 1004n],
      [1005n, 1007n],
      [1008n, 1010n],
    ]);
    expect(provider.ofBatchSize(4).getParameterValues()).toHaveLength(3);
  });
  test('refuses what cannot be cut', () => {
    expect(() => new JdbcNumericBetweenParametersProvider(2, 1)).toThrow(/larger than max/);
    expect(() => new JdbcNumericBetweenParametersProvider(1, 2).getParameterValues()).toThrow(/call ofBatchNum/);
    expect(() => new JdbcNumericBetweenParametersProvider(1, 2.5)).toThrow(/a whole number/);
  });
});

test.for([
  ['integer', '-9223372036854775808', -9_223_372_036_854_775_808n, '-9223372036854775808'],
  ['decimal', '-1.50', -2n, '-2'],
  ['decimal', '-1.00', -1n, '-1'],
  ['decimal', '12.99', 12n, '12'],
  ['float', '1e3', 1000n, '1000'],
  ['timestamp', '1970-01-01 00:00:01.234999+00', 1234n, '1970-01-01 00:00:01.234+00'],
  ['timestamp', '1969-12-31 23:59:59.999500+00', -1n, '1969-12-31 23:59:59.999+00'],
  ['date', '1969-12-31', -1n, '1969-12-31'],
] as const)('%s %s is in unit %s', ([kind, text, units, back]) => {
  const of = unitsOf(kind, true)!;
  expect(of.floor(text)).toBe(units);
  expect(of.text(units)).toBe(back);
});
