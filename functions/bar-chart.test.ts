import { expect, it } from 'vitest';
import { barChart } from './bar-chart.ts';

it('draws bars in proportion to the largest value', () => {
  const chart = barChart(
    [
      { label: '5h', value: 2 },
      { label: '16h', value: 16 },
      { label: '23h', value: 8.5 },
    ],
    8,
  );
  expect(chart).toBe('   5h   2.0  █\n  16h  16.0  ████████\n  23h   8.5  ████▎\n');
});

it('shows negative and zero values as numbers only', () => {
  expect(
    barChart([
      { label: 'a', value: -1.5 },
      { label: 'b', value: 0 },
    ]),
  ).toBe('  a  -1.5\n  b   0.0\n');
  expect(
    barChart(
      [
        { label: 'a', value: -1 },
        { label: 'b', value: 1 },
      ],
      1,
    ),
  ).toBe('  a  -1.0\n  b   1.0  █\n');
});

it('takes an empty list', () => {
  expect(barChart([])).toBe('\n');
});
