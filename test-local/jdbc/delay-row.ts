/** A row of `DELAYS_TABLE` (functions/flight-delays.ts), as `pg` reads it, in the job's own words. */
import type { AirportHourRow } from '../../functions/airport-hour.ts';

export function delayRow(row: Readonly<Record<string, unknown>>): AirportHourRow {
  const number = (name: string): number | null => (row[name] === null ? null : Number(row[name]));
  const instant = (name: string): string => (row[name] as Date).toISOString();
  return {
    airport: String(row['airport']),
    window_start: instant('window_start'),
    window_end: instant('window_end'),
    scheduled: number('scheduled')!,
    departed: number('departed')!,
    mean_delay: number('mean_delay'),
    p95_delay: number('p95_delay'),
    cancelled_share: number('cancelled_share')!,
  };
}
