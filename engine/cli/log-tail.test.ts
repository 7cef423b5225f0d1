import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobLogFile } from '../embedded/job-log-file.ts';
import { logText, parseLogRecord } from './log-record.ts';
import { FileLogTail } from './log-tail.ts';
import { parseSince } from './since.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tail-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('sees every line once, however often the file is renamed beneath it', async () => {
  const log = new JobLogFile(folder, 'j', 2_000);
  const tail = new FileLogTail(folder, 'j');
  expect(await tail.next()).toBeNull();
  const seen: unknown[] = [];
  for (let i = 0; i < 200; i++) {
    log.write('notice', 'ünïcode', { i });
    if (i % 7 === 0) for (const { line } of (await tail.next()) ?? []) seen.push(line['i']);
  }
  for (const { line } of (await tail.next()) ?? []) seen.push(line['i']);
  expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  const again = new FileLogTail(folder, 'j');
  const all = (await again.next())!.map(({ line }) => line['i']);
  expect(all).toEqual(seen.slice(-all.length));
  for (const one of [tail, again]) one.close();
  log.close();
});

test('a line for people: who, which epoch, what, and the rest', () => {
  const time = Date.UTC(2026, 10, 22, 19, 20, 1, 5);
  const told = (line: object): string => logText(parseLogRecord(JSON.stringify({ time, ...line }))!);
  const at = '2026-11-22 19:20:01.005';
  expect(
    told({
      level: 'warn',
      kind: 'notice',
      text: 're-planned',
      epoch: 3,
      generation: 4,
      job: 'j',
      reason: 'gone',
      n: null,
    }),
  ).toBe(`${at} warn  epoch 3: re-planned (reason: gone)\n`);
  const counts = { recordsIn: 12_345, recordsOut: 6, late: 1, lateDropped: 1, deadLettered: 2 };
  expect(
    told({
      level: 'info',
      kind: 'epoch',
      function: 'coordinator',
      epoch: 9,
      counts,
      watermark: 0,
      RecordsIn: 12_345,
      _aws: {},
    }),
  ).toBe(
    `${at} info  [coordinator] epoch 9: 12,345 records in, 6 out, 2 late, 2 dead-lettered, watermark 1970-01-01 00:00:00\n`,
  );
  expect(
    told({
      level: 'error',
      kind: 'error',
      function: 'subtask',
      stage: 'windows',
      subtask: 3,
      text: 'bad',
      error: { stack: 'Error: bad\n at x' },
    }),
  ).toBe(`${at} error [subtask 3 of windows] bad\n  Error: bad\n   at x\n`);
});

test('what is no line of ours is none; what a runtime put before one does not matter', () => {
  for (const text of ['', 'START RequestId: x', '{"a":1}', '{"time":"now","kind":"x"}', '{'])
    expect(parseLogRecord(text)).toBeNull();
  expect(parseLogRecord('2026-11-22T19:20:01.005Z\tid\tINFO\t{"time":5,"kind":"x"}\n')).toMatchObject({ time: 5 });
});

test('--since: how long ago, or a time', () => {
  expect(['500ms', '90s', '10m', '2h', '1d'].map((text) => parseSince(text, 1e9))).toEqual(
    [500, 90_000, 600_000, 7_200_000, 86_400_000].map((ms) => 1e9 - ms),
  );
  expect(parseSince('2026-11-22T19:00:00Z', 0)).toBe(Date.UTC(2026, 10, 22, 19));
  for (const text of ['', '10', '5x', 'yesterday', '2026-99-99']) expect(() => parseSince(text, 0)).toThrow('--since');
});
