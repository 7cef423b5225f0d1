import { expect, test } from 'vitest';
import { ConfigError } from '../../model/errors.ts';
import { jsonLog, type JobLog } from './lambda.ts';

function recorder(): { readonly log: JobLog; readonly lines: () => unknown[] } {
  const written: string[] = [];
  const log = jsonLog(
    (line) => written.push(line),
    { function: 'coordinator', job: 'j' },
    () => 5,
  );
  return { log, lines: () => written.map((line) => JSON.parse(line) as unknown) };
}

test('a line says when, how grave, and what it is about', () => {
  const { log, lines } = recorder();
  log('notice', 're-planned', { reason: 'gone' });
  const about = { function: 'coordinator', job: 'j' };
  expect(lines()).toEqual([{ time: 5, level: 'warn', kind: 'notice', text: 're-planned', ...about, reason: 'gone' }]);
});

test('context is bound once, for all further lines, and leaves the other log alone', () => {
  const { log, lines } = recorder();
  const inEpoch = log.with({ run: 'r', requestId: 'q' }).with({ epoch: 3, generation: 4 });
  inEpoch('answer', 'continue', {});
  log('answer', 'idle', {});
  expect(lines()).toMatchObject([{ job: 'j', run: 'r', requestId: 'q', epoch: 3, generation: 4 }, { text: 'idle' }]);
  expect(lines()[1]).not.toHaveProperty('run');
});

test('data says nothing of the line itself', () => {
  const { log, lines } = recorder();
  log('notice', 'text', { kind: 'x', level: 'x', time: -1, text: 'x', epoch: 8 });
  expect(lines()).toMatchObject([{ time: 5, level: 'warn', kind: 'notice', text: 'text', epoch: 8 }]);
});

test('errors are told, not lost; a line that is too long is cut and says so', () => {
  const { log, lines } = recorder();
  log('error', 'failed', { error: new ConfigError('bad', {}, new Error('why')), n: 10n });
  log('error', 'x'.repeat(100_000), { much: 'y'.repeat(100_000) });
  const [told, cut] = lines();
  expect(told).toMatchObject({ level: 'error', error: { message: 'bad', cause: { message: 'why' } }, n: '10' });
  expect(cut).toMatchObject({ job: 'j', cut: expect.any(Number) });
  expect(JSON.stringify(cut).length).toBeLessThan(11_000);
});
