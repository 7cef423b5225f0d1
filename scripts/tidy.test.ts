/** The rules of docs/ARCHITECTURE.md and CONTRIBUTING.md over this tree, and proof that each rule catches its violation. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { check, report } from './tidy/check.ts';
import { EXEMPTIONS, type Exemption } from './tidy/exemptions.ts';
import { projectOf, readProject } from './tidy/project.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

test('the tree is tidy', () => {
  expect(report(check(readProject(ROOT), EXEMPTIONS))).toBe('');
});

/** Enough clean files that only the violation under test is reported. */
const FILLER = Object.fromEntries(
  Array.from({ length: 30 }, (_, i) => [`engine/model/filler-${i}.ts`, 'export const x = 1;\n']),
);

/** `rule path:line` of everything found in the filler and these files. */
function found(files: Record<string, string>, exemptions: readonly Exemption[] = []): string[] {
  const project = projectOf({ ...FILLER, ...files }, ['msgpackr']);
  return check(project, exemptions).map((v) => `${v.rule} ${v.path}:${v.line}`);
}

const lines = (count: number, line = 'work();'): string => `${line}\n`.repeat(count);
/** Written so that this file itself stays clean. */
const machinePath = ['', 'home', 'someone', 'data.csv'].join('/');
const modified = (name: string, modifier: string): string => `${name}.${modifier}('x', () => {});`;

describe('caught', () => {
  test.for<[string, Record<string, string>, string[]]>([
    [
      'a value import',
      { 'engine/model/a.ts': `import { x } from '../time/b.ts';` },
      ['directions engine/model/a.ts:1'],
    ],
    [
      'a type import',
      { 'engine/time/a.ts': `\nimport type { X } from "../api/b.ts";` },
      ['directions engine/time/a.ts:2'],
    ],
    ['export from', { 'engine/api/a.ts': `export { x } from '../checkpoint/b.ts';` }, ['directions engine/api/a.ts:1']],
    ['export star', { 'engine/api/a.ts': `export * from '../runtime/b.ts';` }, ['directions engine/api/a.ts:1']],
    ['a bare import', { 'engine/graph/a.ts': `import '../sql/binder/b.ts';` }, ['directions engine/graph/a.ts:1']],
    [
      'dynamic import',
      { 'engine/embedded/a.ts': `await import('../api/b.ts');` },
      ['directions engine/embedded/a.ts:1'],
    ],
    [
      'an import type',
      { 'engine/state/a.ts': `type X = import('../api/b.ts').X;` },
      ['directions engine/state/a.ts:1'],
    ],
    [
      'several lines',
      { 'engine/model/a.ts': `import {\n  x,\n} from\n  '../time/b.ts';` },
      ['directions engine/model/a.ts:3'],
    ],
    [
      'behind a template',
      { 'engine/model/a.ts': 'f(`${`}`}`);\nimport "../time/b.ts";' },
      ['directions engine/model/a.ts:2'],
    ],
    [
      'a sibling connector',
      { 'engine/connectors/log/a.ts': `import '../files/b.ts';` },
      ['directions engine/connectors/log/a.ts:1'],
    ],
    [
      'an earlier SQL stage importing a later',
      { 'engine/sql/syntax/a.ts': `import '../bridge/b.ts';` },
      ['directions engine/sql/syntax/a.ts:1'],
    ],
    [
      'SQL without bridge seeing api',
      { 'engine/sql/physical/a.ts': `import '../../api/b.ts';` },
      ['directions engine/sql/physical/a.ts:1'],
    ],
    [
      'functions past the entries',
      { 'functions/a.ts': `import '../engine/api/b.ts';` },
      ['directions functions/a.ts:1'],
    ],
    [
      'production code importing testing',
      { 'engine/api/a.ts': `import '../testing/b.ts';` },
      ['directions engine/api/a.ts:1'],
    ],
    [
      'a worker',
      { 'engine/api/a.ts': `new URL('../runtime/w.ts', import.meta.url);` },
      ['directions engine/api/a.ts:1'],
    ],
    ['no extension', { 'engine/api/a.ts': `import './b';` }, ['directions engine/api/a.ts:1']],
    ['out of the repository', { 'bench/a.ts': `import '../../b.ts';` }, ['directions bench/a.ts:1']],
    [
      'a folder without a row',
      { 'engine/new/a.ts': `import '../model/filler-1.ts';` },
      ['directions engine/new/a.ts:1'],
    ],
    ['a package users lack', { 'engine/api/a.ts': `import 'left-pad/deep';` }, ['directions engine/api/a.ts:1']],
    [
      'vitest outside tests',
      { 'engine/testing/a.ts': `import { test } from 'vitest';` },
      ['directions engine/testing/a.ts:1'],
    ],
    [
      'node: in a pure folder',
      { 'engine/operators/a.ts': `import 'node:fs';` },
      ['directions engine/operators/a.ts:1'],
    ],
    ['a clock in a pure folder', { 'engine/time/a.ts': `const now = Date.now();` }, ['purity engine/time/a.ts:1']],
    [
      'a cycle, type imports too',
      {
        'engine/api/a.ts': `import type { B } from './b.ts';`,
        'engine/api/b.ts': `import { c } from './c.ts';`,
        'engine/api/c.ts': `export { a } from './a.ts';`,
      },
      ['cycles engine/api/a.ts:1'],
    ],
    ['a long file', { 'engine/api/a.ts': lines(401) }, ['file-length engine/api/a.ts:401']],
    [
      'a long function',
      { 'engine/api/a.ts': `function f() {\n${lines(69)}}\n` },
      ['function-length engine/api/a.ts:1'],
    ],
    [
      'a long arrow',
      { 'engine/api/a.ts': `\nconst f = () => {\n${lines(69)}};\n` },
      ['function-length engine/api/a.ts:2'],
    ],
    [
      'a long method with a type',
      { 'engine/api/a.ts': `class A {\n  f(a: { b: 1 }): Map<string, { c: 1 }> | undefined {\n${lines(69)}}\n}\n` },
      ['function-length engine/api/a.ts:2'],
    ],
    [
      'a long test case',
      { 'engine/api/a.test.ts': `test('x', () => {\n${lines(69)}});\n` },
      ['function-length engine/api/a.test.ts:1'],
    ],
    ['an empty file name', { 'engine/api/string-utils.ts': '' }, ['empty-names engine/api/string-utils.ts:1']],
    ['an empty folder name', { 'engine/api/common/a.ts': '' }, ['empty-names engine/api/common/a.ts:1']],
    [
      'an empty class name',
      { 'engine/api/a.ts': '\nexport abstract class JobManager {}' },
      ['empty-names engine/api/a.ts:2'],
    ],
    [
      'an empty class name, listed',
      { 'engine/api/a.ts': 'class BaseJob {}\nexport { BaseJob };' },
      ['empty-names engine/api/a.ts:1'],
    ],
    ['camel case', { 'engine/api/dataStream.ts': '' }, ['kebab-case engine/api/dataStream.ts:1']],
    ['a default export', { 'engine/api/a.ts': '\nexport default 1;' }, ['default-exports engine/api/a.ts:2']],
    [
      'a default export, listed',
      { 'engine/api/a.ts': 'export { a as default };' },
      ['default-exports engine/api/a.ts:1'],
    ],
    ['an index inside', { 'engine/api/index.ts': '' }, ['entries engine/api/index.ts:1']],
    ['an entry with a star', { 'engine/index.ts': `export * from './api/a.ts';` }, ['entries engine/index.ts:1']],
    ['a machine path', { 'engine/api/a.ts': `const a = '${machinePath}';` }, ['machine-paths engine/api/a.ts:1']],
    ['a machine path in prose', { 'docs/a.md': `see\n${machinePath}` }, ['machine-paths docs/a.md:2']],
    ...['only', 'skip', 'todo'].map((modifier): [string, Record<string, string>, string[]] => [
      `.${modifier}`,
      { 'engine/api/a.test.ts': modified('describe.concurrent', modifier) },
      ['tests-run engine/api/a.test.ts:1'],
    ]),
  ])('%s', ([, files, expected]) => {
    expect(found(files)).toEqual(expected);
  });

  test('too few files', () => {
    const project = projectOf({ 'engine/api/a.ts': '' });
    expect(report(check(project, []))).toContain('[enough-files] saw 1 TypeScript files');
  });
});

describe('allowed', () => {
  test.for<[string, Record<string, string>]>([
    ['what stands in the row', { 'engine/time/a.ts': `import { x } from '../model/filler-1.ts';` }],
    ['its own folder', { 'engine/state/log/a.ts': `import '../b.ts';` }],
    ['an import in a comment', { 'engine/model/a.ts': `// import '../api/b.ts'\n/* from '../api/b.ts' */` }],
    [
      'an import in a string',
      { 'engine/model/a.ts': 'const a = "import \'../api/b.ts\'";\nconst b = `from "../api/b.ts"`;' },
    ],
    ['an import in a regular expression', { 'engine/model/a.ts': `const a = /import '..\\/api\\/b.ts'/;` }],
    ['Array.from', { 'engine/model/a.ts': `Array.from('../api/b.ts');` }],
    ['an entry as composition root', { 'engine/connectors/log/index.ts': `export { x } from '../../embedded/x.ts';` }],
    [
      'functions by the public entries',
      { 'functions/a.ts': `import '../engine/index.ts';\nimport 'millrace/testing';` },
    ],
    [
      'tests with vitest, fast-check, testing',
      { 'engine/model/a.test.ts': `import 'vitest';\nimport 'fast-check';\nimport '../testing/b.ts';` },
    ],
    ['contracts with vitest', { 'engine/testing/contracts/log.ts': `import { test } from 'vitest';` }],
    ['a package that users have', { 'engine/state/a.ts': `import { pack } from 'msgpackr';` }],
    ['a config file with a default export', { 'vitest.config.ts': 'export default {};' }],
    ['a file and a function at their limits', { 'engine/api/a.ts': `function f() {\n${lines(68)}}\n${lines(330)}` }],
    [
      'a long suite of short cases',
      { 'engine/api/a.test.ts': `describe('x', () => {\n${lines(80, `it('x', () => {});`)}});\n` },
    ],
    [
      'a long control block is no function',
      { 'bench/a.ts': `if (a) {\n${lines(80)}}\nfor (const a of (b)) {\n${lines(80)}}\n` },
    ],
    ['words that contain empty ones', { 'engine/api/database-utility.ts': 'export class Database {}' }],
  ])('%s', ([, files]) => {
    expect(found(files)).toEqual([]);
  });
});

describe('exemptions', () => {
  const files = { 'engine/api/a.ts': lines(401) };
  const exemption = { rule: 'file-length', path: 'engine/api/a.ts', reason: 'a table generated from the SQL grammar' };
  test('hold where they are needed', () => expect(found(files, [exemption])).toEqual([]));
  test('need a reason', () =>
    expect(found(files, [{ ...exemption, reason: 'long' }])).toEqual(['exemptions engine/api/a.ts:1']));
  test('go when they are no longer needed', () =>
    expect(found({}, [exemption])).toEqual(['exemptions engine/api/a.ts:1']));
});
