/** The main job, embedded, through the public API: its rows and counts are those of the independent script. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DeadLetter, JobExecutionResult } from '../engine/index.ts';
import type { AirportHourRow } from './airport-hour.ts';
import { referenceAnswer } from './flight-delays-reference.ts';
import { job } from './flight-delays.ts';
import { finalRows, flightReport, readRows } from './flight-report.ts';

const INPUT = 'functions/data/jan-departures.jsonl.gz';
const expected = referenceAnswer(INPUT);

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function run(options: {
  epochMs: number;
  parallelism?: number;
}): Promise<{ result: JobExecutionResult; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'flight-delays-'));
  folders.push(folder);
  const output = join(folder, 'out');
  const env = job.instantiate({ input: INPUT, output, epochMs: String(options.epochMs) });
  if (options.parallelism !== undefined) env.setParallelism(options.parallelism);
  env.getCheckpointConfig().setCheckpointStorage(join(folder, 'state'));
  return { result: await env.execute(), output };
}

/** A multiset, so that two of them can be compared. */
const multiset = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted();

const cases = [
  { epochMs: 250, parallelism: 1 },
  { epochMs: 10, parallelism: 3 },
] as const;

describe.each(cases)('flight-delays, epochs of $epochMs ms, parallelism $parallelism', (options) => {
  const ran = run(options);

  it('writes the rows of the reference to each sink', async () => {
    const { output } = await ran;
    const rows = <T = unknown>(sink: string): Promise<T[]> => readRows<T>(join(output, sink));
    expect(multiset(await rows('delays'))).toEqual(multiset(expected.delays));
    expect(multiset(await rows('sessions'))).toEqual(multiset(expected.sessions));
    expect(multiset(await rows('late'))).toEqual(multiset(expected.late));
    const letters = await rows<DeadLetter>('dead-letters');
    expect(
      multiset(letters.map(({ operator, position, record }) => ({ operator, position, record })).map(comparable)),
    ).toEqual(multiset(expected.deadLetters.map(comparable)));
    for (const letter of letters) {
      expect(letter.job).toBe('flight-delays');
      expect(letter.split).toContain('jan-departures.jsonl.gz');
      expect(letter.error).not.toBe('');
    }
  });

  it('counts what the reference counts', async () => {
    const { result } = await ran;
    expect(result.epochs).toBeGreaterThan(0);
    expect(result.counts).toMatchObject({
      recordsIn: expected.counts.lines,
      refired: expected.counts.refired,
      late: expected.counts.lateForWindow,
      deadLettered: expected.deadLetters.length,
    });
  });

  it('ends with the same row per airport and hour', async () => {
    const { output } = await ran;
    const final = finalRows(await readRows<AirportHourRow>(join(output, 'delays')));
    expect(multiset(final)).toEqual(multiset(finalRows(expected.delays as unknown as AirportHourRow[])));
    expect(await flightReport(output)).toMatch(/EWR +9,\d\d\d /);
  });
});

/** The text of a line that a source refuses is kept as it is; of one that user code refuses, the runtime may show the parsed record. */
function comparable(letter: { operator: string; position: number; record: string }): object {
  const { operator, position, record } = letter;
  return { operator, position, names: /BROKEN-\d|FEED RESTARTED/.exec(record)?.[0] };
}

it('has a reference that sees re-firings, late flights, cancellations and dead letters', () => {
  expect(expected.counts).toEqual({ lines: 27_003, refired: 2_014, lateForWindow: 6, lateForSession: 3 });
  expect(expected.deadLetters.map((letter) => letter.operator)).toEqual([
    ...Array.from({ length: 6 }, () => 'departures'),
    'parse',
  ]);
  expect(expected.delays.some((row) => Number(row['cancelled_share']) > 0)).toBe(true);
});
