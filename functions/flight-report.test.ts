import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AirportHourRow } from './airport-hour.ts';
import { airportTable, delayByHour, finalRows, flightReport, latestAircraft } from './flight-report.ts';

const hour = (
  airport: string,
  start: string,
  scheduled: number,
  departed: number,
  mean: number | null,
  p95 = mean,
): AirportHourRow => ({
  airport,
  window_start: `2013-01-01T${start}:00:00.000Z`,
  window_end: `2013-01-01T${start}:59:59.999Z`,
  scheduled,
  departed,
  mean_delay: mean,
  p95_delay: p95,
  cancelled_share: (scheduled - departed) / scheduled,
});

it('takes the last firing of each window, in whatever order the rows are', () => {
  const first = hour('JFK', '10', 3, 3, 1);
  const last = hour('JFK', '10', 5, 4, 2);
  const other = hour('EWR', '10', 1, 1, 7);
  expect(finalRows([last, first, other, last])).toEqual([last, other]);
});

it('shows one row per airport, means weighted by flights', () => {
  const table = airportTable([
    hour('JFK', '10', 4, 3, 10, 20),
    hour('JFK', '11', 1, 1, 30, 40),
    hour('EWR', '10', 1, 0, null),
  ]);
  const [, , ewr, jfk] = table.split('\n');
  expect(ewr).toMatch(/EWR +1 +100\.0 % +– +– +– \(2013-01-01 10h UTC\)/);
  expect(jfk).toMatch(/JFK +5 +20\.0 % +15 +20 +40 \(2013-01-01 11h UTC\)/);
});

it('charts by the hour in New York, five behind UTC in January', () => {
  const chart = delayByHour([hour('JFK', '22', 1, 1, 40), hour('EWR', '22', 3, 3, 0), hour('JFK', '10', 1, 1, 5)]);
  expect(chart.split('\n').map((line) => line.trim().split(/ +/).slice(0, 2))).toEqual([
    ['05h', '5.0'],
    ['17h', '10.0'],
    [''],
  ]);
});

it('lists the aircraft with the most delay, each session once', () => {
  const session = (tailnum: string, total_delay: number): Parameters<typeof latestAircraft>[0][number] => ({
    tailnum,
    total_delay,
    first: '2013-01-01T10:00:00.000Z',
    last: '2013-01-01T12:00:00.000Z',
    flights: 2,
    airports: ['JFK', 'LAX'],
  });
  const table = latestAircraft([session('N1', 5), session('N2', 500), session('N2', 500), session('N3', 50)], 2);
  expect(table.split('\n').slice(2)).toEqual([
    expect.stringMatching(/N2.*2013-01-01 10:00.*500.*JFK LAX/),
    expect.stringMatching(/N3/),
    '',
  ]);
});

it('reads published files only, and says so when there is nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flight-report-'));
  try {
    expect(await flightReport(folder)).toMatch(/^No rows in /);
    await mkdir(join(folder, 'delays'));
    await writeFile(join(folder, 'delays', 'part-a.jsonl'), `${JSON.stringify(hour('JFK', '10', 4, 3, 10))}\n`);
    await writeFile(join(folder, 'delays', '.part-b.tmp'), '{"half');
    const report = await flightReport(folder);
    expect(report).toContain('JFK');
    expect(report).toContain('05h');
  } finally {
    await rm(folder, { recursive: true });
  }
});
