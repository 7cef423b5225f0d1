/** The package as a user gets it: packed, installed into an empty folder, type-checked without @types/node, run. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageOf, packAndInstall, readmeExample, runNode, typeCheck, type Installed } from '../scripts/pack-smoke.ts';

let installed: Installed;

beforeAll(() => {
  installed = packAndInstall();
}, 180_000);

afterAll(() => {
  if (installed !== undefined) rmSync(dirname(installed.folder), { recursive: true, force: true });
});

test('every file that package.json names is in the package', () => {
  const { bin, exports } = packageOf(installed.packageFolder);
  const named = [
    ...Object.values(bin),
    ...Object.values(exports).flatMap(({ types, import: module, default: fallback }) => [types!, module!, fallback!]),
  ];
  expect(named.filter((path) => !existsSync(join(installed.packageFolder, path)))).toEqual([]);
});

test('every entry type-checks without @types/node and loads', () => {
  const { name, exports } = packageOf(installed.packageFolder);
  const specifiers = Object.keys(exports).map((entry) => name + entry.slice(1));
  const job = specifiers.map((each, i) => `import * as entry${i} from '${each}';\nvoid entry${i};\n`).join('');
  const types = typeCheck(installed, job);
  expect(types.output).toBe('');
  const ran = runNode(installed, 'job.ts');
  expect(ran.status, ran.output).toBe(0);
});

test('the command starts', () => {
  const command = join(installed.packageFolder, packageOf(installed.packageFolder).bin.millrace!);
  expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  const ran = runNode(installed, command, '--help');
  expect(ran.status, ran.output).toBe(0);
  expect(ran.stdout).toContain('Usage: millrace');
});

test("README.md's first job prints what README.md says", () => {
  const example = readmeExample();
  const types = typeCheck(installed, example.job);
  expect(types.output).toBe('');
  const ran = runNode(installed, 'job.ts');
  expect(ran.status, ran.output).toBe(0);
  expect(ran.stdout.trim()).toBe(example.output.trim());
});
