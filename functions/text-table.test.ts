import { expect, it } from 'vitest';
import { textTable } from './text-table.ts';

it('aligns numbers to the right and text to the left', () => {
  const table = textTable(
    ['airport', 'flights', 'on'],
    [
      ['EWR', '9,891', '2013-01-01'],
      ['LGA', '12', '2013-01-02'],
    ],
  );
  expect(table.split('\n')).toEqual([
    '  airport  flights  on',
    '  ───────  ───────  ──────────',
    '  EWR        9,891  2013-01-01',
    '  LGA           12  2013-01-02',
    '',
  ]);
});

it('needs no rows', () => {
  expect(textTable(['a', 'bb'], [])).toBe('  a  bb\n  ─  ──\n');
});
