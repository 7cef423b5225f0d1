/**
 * The answers that Apache Flink 2.1 gave, row by row (ARCHITECTURE section 12.1): `npm run conformance -- --family datastream`, as tests.
 *
 * PROGRAMS LIVE IN `test-local/conformance/programs/NAME.ts`, one a case: adding a case is adding a file there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { answerCase } from '../../../test-local/conformance/answer-case.ts';
import { caseNames, readCase, SUITE_FOLDER } from '../../../test-local/conformance/case.ts';
import { loadProgram, ownProgramPath } from '../../../test-local/conformance/load-program.ts';

const PRESENT = existsSync(SUITE_FOLDER);

test('the conformance folder is there, or this is a machine of our users', () => {
  expect(PRESENT || process.env['CI'] === undefined, `${SUITE_FOLDER}: set MILLRACE_CONFORMANCE`).toBe(true);
});

describe.each(PRESENT ? [SUITE_FOLDER] : [])('the answers of Apache Flink 2.1 in %s', (folder) => {
  const cases = caseNames(folder, 'ds_');
  test('every case has its program', () => {
    const without = cases.filter((name) => ownProgramPath(name) === null);
    expect(process.env['MILLRACE_CONFORMANCE'] === undefined ? without : []).toEqual([]);
  });

  test.each(cases.filter((name) => ownProgramPath(name) !== null))('%s', async (name) => {
    const given = readCase(join(folder, name));
    expect(given.expected.length).toBeGreaterThan(0);
    const program = await loadProgram(ownProgramPath(name)!);
    for await (const { execution, lines } of answerCase(program, given))
      expect(lines, execution).toEqual(given.expected);
  });
});
