import { expect, it } from 'vitest';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import { watermarkJson } from '../runtime/epoch-watermark.ts';
import { Progress, progressBar, progressText, type ProgressFacts } from './progress.ts';

const facts = (records: number): ProgressFacts => ({
  job: 'j',
  epoch: 3,
  records,
  recordsPerSecond: 1234.5,
  watermark: Date.UTC(2013, 0, 2, 3, 4, 5),
  fraction: null,
});

function recorder(
  isTTY: boolean,
  columns = 200,
): { text: () => string; out: { write(text: string): void; isTTY: boolean; columns: number } } {
  let text = '';
  return { text: () => text, out: { isTTY, columns, write: (more) => void (text += more) } };
}

it('says what has been read', () => {
  expect(progressText(facts(27_003))).toBe('j  27,003 records  1,235/s  epoch 3  watermark 2013-01-02 03:04');
  expect(progressText({ ...facts(5), fraction: 0.509, watermark: MIN_WATERMARK })).toBe(
    'j  50 %  5 records  1,235/s  epoch 3  watermark none yet',
  );
  expect([MIN_WATERMARK, 7, MAX_WATERMARK].map(watermarkJson)).toEqual([null, 7, 'end']);
});

it('draws a bar where the size is known, and a moving block where it is not', () => {
  expect(progressBar(0.5, 0)).toBe('██████████░░░░░░░░░░');
  expect(progressBar(null, 2)).toBe('░░████░░░░░░░░░░░░░░');
  for (let drawing = 0; drawing < 50; drawing++) expect(progressBar(null, drawing)).toHaveLength(20);
});

it('writes plain lines, at most one a second, where there is no terminal', () => {
  const { out, text } = recorder(false);
  let now = 0;
  const progress = new Progress(out, () => now);
  for (; now < 3000; now += 100) progress.show(facts(now));
  progress.notice('a notice');
  progress.end();
  expect(text().split('\n')).toEqual(
    [0, 1000, 2000].map((n) => expect.stringContaining(` ${n.toLocaleString('en-US')} records`)).concat('a notice', ''),
  );
});

it('redraws one line on a terminal, no wider than it, and removes it at the end', () => {
  const { out, text } = recorder(true, 40);
  let now = 0;
  const progress = new Progress(out, () => now);
  progress.show(facts(1));
  now = 500;
  progress.show(facts(2));
  progress.end();
  const drawn = text().split('\r\u001b[2K');
  expect(drawn).toHaveLength(4);
  expect(drawn.map((line) => line.length)).toEqual([0, 39, 39, 0]);
  expect(text()).not.toContain('\n');
});
