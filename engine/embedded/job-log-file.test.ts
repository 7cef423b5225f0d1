import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { JobLogFile, jobLogFiles } from './job-log-file.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-log-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const linesOf = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('two files hold the last lines, and grow no further', () => {
  const log = new JobLogFile(folder, 'bounded', 1_000);
  for (let i = 0; i < 100; i++) log.write('notice', 'n', { i });
  log.close();
  const [before, current] = jobLogFiles(folder, 'bounded');
  for (const file of [before, current]) expect(statSync(file).size).toBeLessThanOrEqual(1_000);
  const kept = [...linesOf(before), ...linesOf(current)] as { i: number }[];
  expect(kept.map(({ i }) => i)).toEqual(kept.map((_, at) => 100 - kept.length + at));
  expect(kept.length).toBeGreaterThan(8);
});

test('the next run appends, and begins a new file where the last one left it full', () => {
  const [before, current] = jobLogFiles(folder, 'appended');
  const say = (n: number): void => {
    const log = new JobLogFile(folder, 'appended', 1_000);
    log.write('start', 'begins', { n });
    log.close();
  };
  say(1);
  say(2);
  expect(linesOf(current)).toMatchObject([{ n: 1 }, { n: 2 }]);
  writeFileSync(current, `${'x'.repeat(2_000)}\n`);
  say(3);
  expect(linesOf(current)).toMatchObject([{ n: 3 }]);
  expect(statSync(before).size).toBe(2_001);
});

test('a log that cannot be written is told once, and stops nothing', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  writeFileSync(join(folder, 'logs', 'broken'), 'a file, where a folder should be');
  const log = new JobLogFile(folder, 'broken');
  log.write('notice', 'a', {});
  log.write('notice', 'b', {});
  log.close();
  expect(warned.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringMatching(/^the log of the job cannot be written; it goes on without; file .*; why /),
  ]);
  warned.mockRestore();
});
