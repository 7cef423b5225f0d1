import { describe, expect, test } from 'vitest';
import { tally } from './test-tally.ts';

const file = (status: string, ...tests: string[]): unknown => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});
const reportOf = (...testResults: unknown[]): string => JSON.stringify({ testResults });

describe('tally', () => {
  test('counts tests over files', () => {
    const report = reportOf(file('passed', 'passed', 'passed'), file('failed', 'passed', 'failed'));
    expect(tally(report, 1)).toEqual({ passed: 3, failed: 1, notes: [] });
  });
  test('is clean when all passed', () => {
    expect(tally(reportOf(file('passed', 'passed')), 0)).toEqual({ passed: 1, failed: 0, notes: [] });
  });
  test.for<[string, string | undefined, number | null]>([
    ['no report', undefined, 1],
    ['no file', reportOf(), 0],
    ['no test executed', reportOf(file('passed', 'pending', 'todo')), 0],
    ['a file that does not load', reportOf(file('passed', 'passed'), file('failed')), 1],
    ['an error outside of tests', reportOf(file('passed', 'passed')), 1],
    ['killed', reportOf(file('passed', 'passed')), null],
  ])('fails: %s', ([, report, exitCode]) => {
    const result = tally(report, exitCode);
    expect(result.failed).toBe(1);
    expect(result.notes).not.toEqual([]);
  });
});
