import { expect, it } from 'vitest';
import { accountingText, type Accounting } from './accounting.ts';

const run: Accounting = {
  job: 'flight-delays',
  ending: 'finished',
  epochs: 4,
  durationMs: 1234,
  recordsPerSecond: 21_880,
  counts: {
    recordsIn: 27_003,
    refired: 2_014,
    late: 6,
    deadLettered: 7,
    'recordsOut:delays': 3_654,
    'recordsOut:late': 9,
  },
};

it('adds up', () => {
  expect(accountingText(run).split('\n')).toEqual([
    'Job "flight-delays" has finished.',
    '  records read   27,003',
    '  emitted        3,663  · delays 3,654  · late 9',
    '  re-fired       2,014',
    '  late           6 to side outputs, 0 dropped',
    '  dead-lettered  7',
    '  epochs         4',
    '  time           1.23 s, 21,880 records/s',
    '',
  ]);
});

it('says that a job had finished before, and that one was interrupted', () => {
  expect(accountingText({ ...run, ending: 'finished before', epochs: 0 })).toMatch(/had finished before(?![^]*epochs)/);
  expect(accountingText({ ...run, ending: 'stopped' })).toContain('the same command goes on from here');
});
