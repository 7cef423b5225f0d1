/**
 * Makes `functions/data/` from a folder with the January files of nycflights13 (see functions/data/README.md):
 *
 *     node scripts/make-flight-data.ts FOLDER
 *
 * Arrivals and weather are copied as they are. Seven broken lines are added to the departures, each as the line number says, so
 * that the main job has something to send to its dead letters. The same input makes the same bytes.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const TARGET = join(import.meta.dirname, '..', 'functions', 'data');
const COPIED = ['jan-arrivals.jsonl.gz', 'jan-weather.jsonl.gz'];
const DEPARTURES = 'jan-departures.jsonl.gz';

/** The broken line that becomes line `at` (counted from 1) of the shipped file. `before`: the flight on the line before it. */
interface BrokenLine {
  readonly at: number;
  readonly make: (before: Readonly<Record<string, unknown>>) => string;
}

const BROKEN: readonly BrokenLine[] = [
  { at: 101, make: (before) => JSON.stringify({ ...before, flight_id: 'BROKEN-1' }).slice(0, 120) },
  { at: 2_500, make: () => '*** FEED RESTARTED ***' },
  { at: 6_000, make: (before) => JSON.stringify({ ...before, flight_id: 'BROKEN-3', distance: 'far' }) },
  { at: 11_111, make: (before) => JSON.stringify({ ...before, flight_id: 'BROKEN-4', origin: undefined }) },
  { at: 15_000, make: (before) => JSON.stringify([{ ...before, flight_id: 'BROKEN-5' }]) },
  { at: 20_000, make: (before) => JSON.stringify({ ...before, flight_id: 'BROKEN-6', sched_dep: null }) },
  // Well-formed, but it cannot be: departed, and no delay. The job's own parse step refuses it.
  {
    at: 25_000,
    make: (before) =>
      JSON.stringify({ ...before, flight_id: 'BROKEN-7', dep: null, dep_delay: null, status: 'DEPARTED' }),
  },
];

function withBrokenLines(text: string): string {
  const lines = text.trimEnd().split('\n');
  for (const { at, make } of BROKEN) {
    const before = JSON.parse(lines[at - 2]!) as Record<string, unknown>;
    lines.splice(at - 1, 0, make(before));
  }
  return `${lines.join('\n')}\n`;
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/make-flight-data.ts FOLDER   (the folder with the original jan-*.jsonl.gz)');
  process.exitCode = 2;
} else {
  mkdirSync(TARGET, { recursive: true });
  for (const name of COPIED) copyFileSync(join(folder, name), join(TARGET, name));
  const departures = gunzipSync(readFileSync(join(folder, DEPARTURES))).toString('utf8');
  const packed = gzipSync(withBrokenLines(departures), { level: 9 });
  packed[9] = 255; // "unknown operating system": the same bytes on every machine
  writeFileSync(join(TARGET, DEPARTURES), packed);
}
