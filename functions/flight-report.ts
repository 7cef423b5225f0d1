/** What `flight-delays` has found out, for people: read from its sinks, made into tables and a chart. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionRow } from './aircraft-sessions.ts';
import type { AirportHourRow } from './airport-hour.ts';
import { barChart } from './bar-chart.ts';
import { textTable } from './text-table.ts';

/** Reads the folder that the job wrote to. */
export async function flightReport(output: string): Promise<string> {
  const [delays, sessions] = await Promise.all([
    readRows<AirportHourRow>(join(output, 'delays')),
    readRows<SessionRow>(join(output, 'sessions')),
  ]);
  if (delays.length === 0) return `No rows in ${output}: the folder has been emptied since the job ran.\n`;
  const hours = finalRows(delays);
  return [
    'Departures from New York by airport (hour = scheduled hour of departure, delays in minutes)\n',
    airportTable(hours),
    'Mean delay by scheduled hour of departure, New York time (minutes)\n',
    delayByHour(hours),
    'Aircraft sessions with the most delay\n',
    latestAircraft(sessions),
  ].join('\n');
}

/** Every row of a sink's folder; none when it is not there. */
export async function readRows<T>(folder: string): Promise<T[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  // Files whose names begin with a dot are not published yet.
  const published = names.filter((name) => !name.startsWith('.')).toSorted();
  const texts = await Promise.all(published.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T])));
}

/** A window's last firing: the one with the most flights. Also right when the folder holds the same results of two runs. */
export function finalRows(rows: readonly AirportHourRow[]): AirportHourRow[] {
  const final = new Map<string, AirportHourRow>();
  for (const row of rows) {
    const key = `${row.airport} ${row.window_start}`;
    const known = final.get(key);
    if (known === undefined || row.scheduled > known.scheduled) final.set(key, row);
  }
  return [...final.values()];
}

export function airportTable(hours: readonly AirportHourRow[]): string {
  const airports = Map.groupBy(hours, (row) => row.airport);
  const rows = [...airports.keys()].toSorted().map((airport) => {
    const of = airports.get(airport)!;
    const worst = of.reduce((a, b) => ((b.p95_delay ?? -Infinity) > (a.p95_delay ?? -Infinity) ? b : a));
    const scheduled = sum(of, (row) => row.scheduled);
    const cancelled = scheduled - sum(of, (row) => row.departed);
    return [
      airport,
      scheduled.toLocaleString('en-US'),
      `${((100 * cancelled) / scheduled).toFixed(1)} %`,
      minutes(meanDelay(of)),
      minutes(median(of.flatMap((row) => row.p95_delay ?? []))),
      `${worst.p95_delay ?? '–'} (${worst.window_start.slice(0, 13).replace('T', ' ')}h UTC)`,
    ];
  });
  return textTable(['airport', 'flights', 'cancelled', 'mean', 'p95 (median hour)', 'p95 (worst hour)'], rows);
}

export function delayByHour(hours: readonly AirportHourRow[]): string {
  const byHour = Map.groupBy(hours, (row) => newYorkHour(row.window_start));
  const bars = [...byHour.keys()]
    .toSorted((a, b) => a - b)
    .map((hour) => ({ label: `${String(hour).padStart(2, '0')}h`, value: meanDelay(byHour.get(hour)!) ?? 0 }));
  return barChart(bars);
}

export function latestAircraft(sessions: readonly SessionRow[], count = 5): string {
  const distinct = new Map(sessions.map((session) => [`${session.tailnum} ${session.first}`, session]));
  const rows = [...distinct.values()]
    .toSorted((a, b) => b.total_delay - a.total_delay || (a.tailnum < b.tailnum ? -1 : 1))
    .slice(0, count)
    .map((s) => [
      s.tailnum,
      s.first.slice(0, 16).replace('T', ' '),
      String(s.flights),
      minutes(s.total_delay),
      s.airports.join(' '),
    ]);
  return textTable(['aircraft', 'first departure (UTC)', 'flights', 'delay', 'airports'], rows);
}

/** Of all flights, not of all hours; null when none departed. */
function meanDelay(rows: readonly AirportHourRow[]): number | null {
  const departed = sum(rows, (row) => row.departed);
  return departed === 0 ? null : sum(rows, (row) => (row.mean_delay ?? 0) * row.departed) / departed;
}

const NEW_YORK = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', hour: 'numeric', hourCycle: 'h23' });

function newYorkHour(instant: string): number {
  return Number(NEW_YORK.format(new Date(instant)));
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}

function minutes(value: number | null): string {
  return value === null ? '–' : value.toFixed(1).replace(/\.0$/, '');
}
