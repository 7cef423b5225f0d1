/**
 * What `flight-delays` must answer, computed without the engine: a plain script, line by line in the order of arrival, with Flink's
 * rules written out. It shares nothing with the job: no import from it or from the engine.
 *
 *     node functions/flight-delays-reference.ts [FILE]      prints the counts
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const HOUR = 3_600_000;
const OUT_OF_ORDER = HOUR / 2;
const LATENESS = 6 * HOUR;
const GAP = 8 * HOUR;

type Row = Readonly<Record<string, unknown>>;

export interface ReferenceAnswer {
  /** Rows per sink, in no meaningful order. */
  readonly delays: readonly Row[];
  readonly sessions: readonly Row[];
  readonly late: readonly Row[];
  /** Of a dead letter: who refused it, where the line begins, and the line. */
  readonly deadLetters: readonly { readonly operator: string; readonly position: number; readonly record: string }[];
  readonly counts: {
    readonly lines: number;
    readonly refired: number;
    readonly lateForWindow: number;
    readonly lateForSession: number;
  };
}

interface Flight {
  flight_id: string;
  tailnum: string | null;
  origin: string;
  dest: string;
  distance: number;
  sched_dep: number;
  dep_delay: number | null;
}

interface OpenWindow {
  airport: string;
  start: number;
  delays: (number | null)[];
  fired: boolean;
}

interface OpenSession {
  flights: Flight[];
  first: number;
  last: number;
}

export function referenceAnswer(file: string): ReferenceAnswer {
  const delays: Row[] = [];
  const sessions: Row[] = [];
  const late: Row[] = [];
  const deadLetters: { operator: string; position: number; record: string }[] = [];
  const counts = { lines: 0, refired: 0, lateForWindow: 0, lateForSession: 0 };
  const windows = new Map<string, OpenWindow>();
  const aircraft = new Map<string, OpenSession[]>();
  let newest = -Infinity;

  let position = 0;
  for (const line of gunzipSync(readFileSync(file)).toString('utf8').split('\n')) {
    const begins = position;
    position += Buffer.byteLength(line) + 1;
    if (line === '') continue;
    counts.lines++;
    const read = parse(line);
    if (typeof read === 'string') {
      deadLetters.push({ operator: read, position: begins, record: line });
      continue;
    }
    const watermark = newest - OUT_OF_ORDER - 1;
    newest = Math.max(newest, read.sched_dep);
    fireWindows(windows, watermark, delays);
    if (read.distance >= 100) intoWindow(read, windows, watermark, delays, late, counts);
    if (read.tailnum !== null && read.dep_delay !== null)
      intoSession(read, aircraft, watermark, sessions, late, counts);
  }
  fireWindows(windows, Infinity, delays);
  for (const open of aircraft.values()) for (const session of open) sessions.push(sessionRow(session));
  return { delays, sessions, late, deadLetters, counts };
}

/** A flight, or the name of the operator that refuses the line. */
function parse(line: string): Flight | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'departures';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'departures';
  const r = value as Record<string, unknown>;
  const typed =
    typeof r['flight_id'] === 'string' &&
    (r['tailnum'] === null || typeof r['tailnum'] === 'string') &&
    typeof r['origin'] === 'string' &&
    typeof r['dest'] === 'string' &&
    typeof r['distance'] === 'number' &&
    Number.isInteger(r['sched_dep']) &&
    (r['dep_delay'] === null || typeof r['dep_delay'] === 'number') &&
    typeof r['status'] === 'string';
  if (!typed) return 'departures';
  if (r['status'] === 'DEPARTED' ? r['dep_delay'] === null : r['status'] !== 'CANCELLED') return 'parse';
  return { ...(r as unknown as Flight), dep_delay: r['status'] === 'DEPARTED' ? (r['dep_delay'] as number) : null };
}

/** Fires what the watermark has passed the end of, and forgets what can take no more flights. */
function fireWindows(windows: Map<string, OpenWindow>, watermark: number, out: Row[]): void {
  for (const [key, window] of windows) {
    const last = window.start + HOUR - 1;
    if (!window.fired && last <= watermark) {
      window.fired = true;
      out.push(windowRow(window));
    }
    if (last + LATENESS <= watermark) windows.delete(key);
  }
}

function intoWindow(
  flight: Flight,
  windows: Map<string, OpenWindow>,
  watermark: number,
  out: Row[],
  late: Row[],
  counts: { refired: number; lateForWindow: number },
): void {
  const start = Math.floor(flight.sched_dep / HOUR) * HOUR;
  const last = start + HOUR - 1;
  if (last + LATENESS <= watermark) {
    counts.lateForWindow++;
    late.push(lateRow('window', flight));
    return;
  }
  const key = `${flight.origin} ${start}`;
  const window = windows.get(key) ?? { airport: flight.origin, start, delays: [], fired: false };
  windows.set(key, window);
  window.delays.push(flight.dep_delay);
  if (last <= watermark) {
    window.fired = true;
    counts.refired++;
    out.push(windowRow(window));
  }
}

function intoSession(
  flight: Flight,
  aircraft: Map<string, OpenSession[]>,
  watermark: number,
  out: Row[],
  late: Row[],
  counts: { lateForSession: number },
): void {
  const tailnum = flight.tailnum!;
  const still: OpenSession[] = [];
  for (const session of aircraft.get(tailnum) ?? []) {
    if (session.last + GAP <= watermark) out.push(sessionRow(session));
    else still.push(session);
  }
  const at = flight.sched_dep;
  const near = still.filter((session) => at >= session.first - GAP && at <= session.last + GAP);
  if (near.length === 0 && at + GAP <= watermark) {
    counts.lateForSession++;
    late.push(lateRow('session', flight));
    aircraft.set(tailnum, still);
    return;
  }
  const flights = [flight, ...near.flatMap((session) => session.flights)];
  const times = flights.map((f) => f.sched_dep);
  const joined = { flights, first: Math.min(...times), last: Math.max(...times) };
  aircraft.set(tailnum, [...still.filter((session) => !near.includes(session)), joined]);
}

function windowRow({ airport, start, delays }: OpenWindow): Row {
  const departed = delays.filter((delay) => delay !== null).sort((a, b) => a - b);
  let sum = 0;
  for (const delay of departed) sum += delay;
  return {
    airport,
    window_start: new Date(start).toISOString(),
    window_end: new Date(start + HOUR).toISOString(),
    scheduled: delays.length,
    departed: departed.length,
    mean_delay: departed.length === 0 ? null : Number((sum / departed.length).toFixed(2)),
    // Nearest rank: the smallest delay that at least 95 % of the flights do not exceed.
    p95_delay: departed.find((_, i) => (i + 1) * 100 >= departed.length * 95) ?? null,
    cancelled_share: Number(((delays.length - departed.length) / delays.length).toFixed(4)),
  };
}

function sessionRow({ flights, first, last }: OpenSession): Row {
  return {
    tailnum: flights[0]!.tailnum,
    first: new Date(first).toISOString(),
    last: new Date(last).toISOString(),
    flights: flights.length,
    total_delay: flights.reduce((sum, flight) => sum + (flight.dep_delay ?? 0), 0),
    airports: [...new Set(flights.flatMap((flight) => [flight.origin, flight.dest]))].sort(),
  };
}

function lateRow(reason: string, { flight_id, sched_dep, dep_delay }: Flight): Row {
  return { too_late_for: reason, flight_id, sched_dep: new Date(sched_dep).toISOString(), dep_delay };
}

if (import.meta.main) {
  const { delays, sessions, late, deadLetters, counts } = referenceAnswer(
    process.argv[2] ?? 'functions/data/jan-departures.jsonl.gz',
  );
  const rows = { delays: delays.length, sessions: sessions.length, late: late.length, deadLetters: deadLetters.length };
  console.log(JSON.stringify({ ...counts, rows }));
}
