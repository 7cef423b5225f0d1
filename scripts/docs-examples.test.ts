/** Every marked example of README.md and docs/*.md type-checks, and prints what the page says (docs-examples.ts). */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { comparable, docsBlocks, type DocsBlock } from './docs-examples.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CONDITION = '--conditions=millrace-source';
const work = mkdtempSync(join(tmpdir(), 'millrace-docs-'));

const allPages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))].map((name) => {
  const path = join(ROOT, name === 'README.md' ? '.' : 'docs', name);
  return { name, folder: join(work, name.replace('.md', '')), blocks: docsBlocks(name, readFileSync(path, 'utf8')) };
});

beforeAll(() => {
  mkdirSync(join(work, 'node_modules'));
  mkdirSync(join(work, 'bin'));
  symlinkSync(ROOT, join(work, 'node_modules', 'millrace'));
  writeFileSync(join(work, 'package.json'), '{"type":"module","private":true}');
  const command = join(work, 'bin', 'millrace');
  writeFileSync(
    command,
    `#!/bin/sh\nexec "${process.execPath}" ${CONDITION} "${join(ROOT, 'engine/cli/main.ts')}" "$@"\n`,
  );
  chmodSync(command, 0o755);
  // The sources' own settings, and the declarations that they need: examples import sources here, not the built package.
  writeFileSync(
    join(work, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(ROOT, 'node_modules', '@types')] },
      include: ['*/*.ts', join(ROOT, 'engine', 'formats', '*.ts')],
    }),
  );
  for (const { folder, blocks } of pages) {
    mkdirSync(folder);
    for (const { kind, name, text } of blocks) if (kind !== 'shell') writeFileSync(join(folder, name), text);
  }
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

test('the examples type-check', async () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const checked = await run(process.execPath, [tsc, '-p', work], work);
  // What is wrong in the sources themselves is the business of `npm run types`.
  const errors = checked.stdout.split('\n').filter((line) => /^(?:error|[\w-]+\/)/.test(line));
  expect(errors).toEqual([]);
  expect(checked.stderr).toBe('');
}, 60_000);

describe.concurrent('the examples print what the pages say', () => {
  for (const { name, folder, blocks } of pages) {
    const examples = blocks.filter((block) => block.kind !== 'file');
    if (examples.length === 0) continue;
    test(`${name}: ${examples.length}`, async () => {
      for (const example of examples) {
        const { stdout, stderr } = await runExample(example, folder);
        expect(comparable(stdout), `${name}:${example.line}\n${stderr}`).toBe(comparable(example.output));
      }
    }, 120_000);
  }
});

test('every file that a page names is there', () => {
  const named = /(?:`((?:engine|functions|bench|scripts|test-local)\/[\w./-]*\w)\/?`|\]\(([\w./-]+\.\w+)[)#])/g;
  const missing: string[] = [];
  for (const path of allPages) {
    for (const [, file, link] of readFileSync(join(ROOT, path), 'utf8').matchAll(named)) {
      const target = file === undefined ? join(dirname(path), link!) : file;
      if (!existsSync(join(ROOT, target))) missing.push(`${path}: ${target}`);
    }
  }
  expect(missing).toEqual([]);
});

test('a page that shows nothing, or no output, is refused', () => {
  expect(() => docsBlocks('p', '<!-- run -->\n\ntext')).toThrow(/p:1: no ``` block/);
  expect(() => docsBlocks('p', '<!-- run -->\n```ts\n1;\n```\n')).toThrow(/p:1: no ```text block/);
  expect(pages.flatMap((page) => page.blocks).length).toBeGreaterThan(20);
});

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

async function runExample(example: Exclude<DocsBlock, { kind: 'file' }>, cwd: string): Promise<Ran> {
  return example.kind === 'shell'
    ? await run('/bin/sh', ['-c', example.text], cwd)
    : await run(process.execPath, [CONDITION, example.name], cwd);
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  const path = [join(work, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  const env = { ...process.env, PATH: path, NODE_OPTIONS: '', NO_COLOR: '1' };
  return new Promise((done) => {
    // What went wrong is in the output, which the test compares.
    execFile(command, args, { cwd, env, encoding: 'utf8', timeout: 50_000 }, (_error, stdout, stderr) =>
      done({ stdout, stderr }),
    );
  });
}
