import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTimestamp, timestampOrNaN } from './timestamp.ts';

it('agrees with Date on every instant of years 0 to 9999', () => {
  const instants = fc.integer({ min: Date.parse('0000-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') });
  fc.assert(
    fc.property(instants, (ms) => {
      const iso = new Date(ms).toISOString();
      expect(parseTimestamp(iso)).toBe(ms);
      expect(parseTimestamp(iso.slice(0, 23).replace('T', ' '))).toBe(ms);
    }),
    { numRuns: 2000 },
  );
});

it.each([
  ['2024-01-31', Date.UTC(2024, 0, 31)],
  ['2024-01-31 08:05', Date.UTC(2024, 0, 31, 8, 5)],
  ['2024-01-31T08:05:06', Date.UTC(2024, 0, 31, 8, 5, 6)],
  ['2024-01-31T08:05:06.5Z', Date.UTC(2024, 0, 31, 8, 5, 6, 500)],
  ['2024-01-31T08:05:06,123456789Z', Date.UTC(2024, 0, 31, 8, 5, 6, 123)],
  ['2024-01-31T08:05:06+02:30', Date.UTC(2024, 0, 31, 5, 35, 6)],
  ['2024-01-31T08:05-0130', Date.UTC(2024, 0, 31, 9, 35)],
  ['2024-01-31T08:05+01', Date.UTC(2024, 0, 31, 7, 5)],
])('%s', (text, ms) => expect(parseTimestamp(text)).toBe(ms));

it.each([
  '',
  'x',
  '2024',
  '2024-13-01',
  '2024-02-30',
  '2023-02-29',
  '1900-02-29',
  '2024-01-31 24:00',
  '2024-01-31 08:60',
  '2024-01-31 08:00:60',
  '2024-01-31x08:00',
  '2024-01-31 08:00:00.',
  '2024-01-31 08:00:00.1234567890',
  '2024-01-31 08:00Z1',
  '2024-01-31 08:00+1',
  ' 2024-01-31',
])('refuses %j', (text) => {
  expect(timestampOrNaN(text)).toBeNaN();
  expect(() => parseTimestamp(text)).toThrow('not a timestamp');
});
