/** Cases of our own, answered by Apache Flink 2.1 like those of the suite beside the repository; they ask what that one does not. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { caseNames } from './case.ts';
import { checkCase } from './check-case.ts';

const CASES = fileURLToPath(new URL('cases', import.meta.url));

test.each(caseNames(CASES, 'ds_'))('%s', async (name) => {
  expect(await checkCase(name, join(CASES, name))).toBeNull();
});
