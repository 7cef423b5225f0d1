import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NO_TIMESTAMP } from '../../model/watermark.ts';
import { EventTimeBuckets } from './event-time-buckets.ts';

const at = (iso: string): number => Date.parse(iso);
const times = fc.integer({ min: at('0001-01-02T00:00:00Z'), max: at('9998-12-30T00:00:00Z') });

it('names a bucket by time, in UTC or at a fixed offset', () => {
  const row = at('2024-01-31T23:59:59.999Z');
  expect(EventTimeBuckets.daily().bucketOf(null, row)).toBe('dt=2024-01-31');
  expect(EventTimeBuckets.hourly().bucketOf(null, row)).toBe('dt=2024-01-31/hour=23');
  expect(EventTimeBuckets.hourly().withZone('+05:30').bucketOf(null, row)).toBe('dt=2024-02-01/hour=05');
  expect(EventTimeBuckets.ofPattern('yyyyMMdd--HH-mm').bucketOf(null, row)).toBe('20240131--23-59');
  expect(EventTimeBuckets.ofPattern("yyyy/'it''s 'MM").bucketOf(null, row)).toBe("2024/it's 01");
  expect(
    EventTimeBuckets.daily<{ t: number }>()
      .withTimestamp((r) => r.t)
      .bucketOf({ t: -1 }, row),
  ).toBe('dt=1969-12-31');
});

it.each(["'dt='yyyy-MM-dd/'hour='HH", 'yyyyMMddHHmm', 'yyyy-MM', 'yyyy'])(
  'has each time in one bucket, %s',
  (pattern) =>
    fc.assert(
      fc.property(times, fc.constantFrom('UTC', '-03:00', '+05:45'), (time, zone) => {
        const buckets = EventTimeBuckets.ofPattern(pattern).withZone(zone);
        const name = buckets.bucketOf(null, time);
        const end = buckets.endOf(name)!;
        expect(end).toBeGreaterThan(time);
        expect(buckets.bucketOf(null, end - 1)).toBe(name);
        expect(buckets.bucketOf(null, end)).not.toBe(name);
        expect(buckets.bucketOf(null, time)).toBe(name);
      }),
    ),
);

it('knows no end of what is no bucket of its own', () => {
  const hourly = EventTimeBuckets.hourly();
  expect(hourly.endOf('dt=2024-01-31/hour=13')).toBe(at('2024-01-31T14:00:00Z'));
  for (const other of [
    'dt=2024-01-31',
    'dt=2024-02-30/hour=01',
    'dt=2024-01-31/hour=24',
    'x',
    'dt=2024-01-31/hour=13/x',
  ])
    expect(hourly.endOf(other)).toBeNull();
});

it('refuses rows without a time, unless there is a bucket for them', () => {
  expect(() => EventTimeBuckets.daily().bucketOf(null, NO_TIMESTAMP)).toThrow('withTimestamp(row => …)');
  expect(() =>
    EventTimeBuckets.daily()
      .withTimestamp(() => null)
      .bucketOf(null, 0),
  ).toThrow('without a timestamp');
  expect(() => EventTimeBuckets.daily().bucketOf(null, 1e15)).toThrow('years 1 to 9999');
  expect(() =>
    EventTimeBuckets.daily()
      .withTimestamp(() => NaN)
      .bucketOf(null, 0),
  ).toThrow('years 1 to 9999');
  const daily = EventTimeBuckets.daily().withDefaultBucket('dt=unknown');
  expect(daily.bucketOf(null, NO_TIMESTAMP)).toBe('dt=unknown');
  expect(daily.endOf('dt=unknown')).toBeNull();
  expect(() => EventTimeBuckets.daily().withDefaultBucket('dt=2024-01-31')).toThrow('the bucket of a time');
});

it('refuses patterns and zones that do not say when a bucket ends', () => {
  for (const pattern of ['', 'MM', 'yyyy-dd', 'yyyy-MM-MM', 'yy', "'dt=yyyy", 'dt=yyyy'])
    expect(() => EventTimeBuckets.ofPattern(pattern)).toThrow('cannot be used');
  for (const zone of ['Europe/Berlin', '+5', '+19:00'])
    expect(() => EventTimeBuckets.daily().withZone(zone)).toThrow('fixed offset');
});
