/**
 * Delays of one airport in one hour. Incremental: of the flights only their delays are kept, for the exact p95 (nearest rank); an
 * hour has some 30 flights. Minutes are whole numbers, so the sum does not depend on the order of the flights.
 */
import { ProcessWindowFunction, type AggregateFunction, type WindowContext } from '../engine/index.ts';

/** What counts here of a flight. */
export interface DepartedOrCancelled {
  /** Minutes; null: cancelled. */
  readonly dep_delay: number | null;
}

interface Delays {
  cancelled: number;
  readonly minutes: number[];
}

/** Minutes; null when no flight departed. */
export interface DelayStatistics {
  readonly scheduled: number;
  readonly departed: number;
  readonly mean_delay: number | null;
  readonly p95_delay: number | null;
  readonly cancelled_share: number;
}

/** What the job writes: one row per firing of a window. */
export interface AirportHourRow extends DelayStatistics {
  readonly airport: string;
  readonly window_start: string;
  readonly window_end: string;
}

export const delayStatistics: AggregateFunction<DepartedOrCancelled, Delays, DelayStatistics> = {
  createAccumulator: () => ({ cancelled: 0, minutes: [] }),
  add(flight, delays) {
    if (flight.dep_delay === null) delays.cancelled++;
    else delays.minutes.push(flight.dep_delay);
    return delays;
  },
  getResult({ cancelled, minutes }) {
    const departed = minutes.length;
    const scheduled = departed + cancelled;
    const sorted = minutes.toSorted((a, b) => a - b);
    return {
      scheduled,
      departed,
      mean_delay: departed === 0 ? null : rounded(minutes.reduce((sum, m) => sum + m, 0) / departed, 2),
      p95_delay: sorted[Math.ceil(0.95 * departed) - 1] ?? null,
      cancelled_share: rounded(cancelled / scheduled, 4),
    };
  },
};

/** Adds what the aggregation does not know: whose window it is. */
export class AirportHour extends ProcessWindowFunction<DelayStatistics, AirportHourRow, string> {
  override process(
    airport: string,
    context: WindowContext,
    [statistics]: readonly DelayStatistics[],
  ): AirportHourRow[] {
    const { start, end } = context.window;
    return [{ airport, window_start: iso(start), window_end: iso(end), ...statistics! }];
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
