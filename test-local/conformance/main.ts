/**
 * `npm run conformance -- --family datastream [--case NAME]`: runs each case's program over its recorded input and compares with what
 * Apache Flink emitted, cut by cut. The last line is `N passed, M failed`; exit code 1 if any failed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { caseNames, SUITE_FOLDER } from './case.ts';
import { checkCase } from './check-case.ts';
import { resolveMillraceHere } from './source-imports.ts';

/** Families of cases, by the beginning of their folders' names. */
const PREFIXES: Readonly<Record<string, string>> = { datastream: 'ds_' };

const { values } = parseArgs({ options: { family: { type: 'string' }, case: { type: 'string', multiple: true } } });
const prefix = PREFIXES[values.family ?? ''];
if (prefix === undefined) refuse(`--family FAMILY: one of ${Object.keys(PREFIXES).join(', ')}`);
if (!existsSync(SUITE_FOLDER)) refuse(`${SUITE_FOLDER} is not there; name the suite's folder in MILLRACE_CONFORMANCE`);
resolveMillraceHere();
let passed = 0;
let failed = 0;
for (const name of chosen(caseNames(SUITE_FOLDER, prefix), values.case)) {
  const problem = await checkCase(name, join(SUITE_FOLDER, name));
  if (problem === null) passed++;
  else failed++;
  console.log(problem === null ? `ok ${name}` : `FAIL ${name}: ${problem}`);
}
if (passed + failed === 0) refuse(`${SUITE_FOLDER} has no case of this family`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function chosen(all: readonly string[], wanted: readonly string[] | undefined): readonly string[] {
  const unknown = wanted?.find((name) => !all.includes(name));
  if (unknown !== undefined) refuse(`there is no case ${unknown} in ${SUITE_FOLDER}`);
  return wanted ?? all;
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}
