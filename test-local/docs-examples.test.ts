/** Every marked example of README.md and docs/*.md, in an empty project with the packed package, type-checks and prints what the page says. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { comparable, docsBlocks, docsServers, type DocsBlock } from '../scripts/docs-examples.ts';
import { packAndInstall, packageOf, USER_TSCONFIG, type Installed } from '../scripts/pack-smoke.ts';
import { openPageServers, runKafkaTools, runSql, type PageServers } from './docs-servers.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const allPages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))].map((name) => {
  const path = join(ROOT, name === 'README.md' ? '.' : 'docs', name);
  const markdown = readFileSync(path, 'utf8');
  return { name, blocks: docsBlocks(name, markdown), servers: docsServers(markdown) };
});
const NO_SERVERS: PageServers = { env: {}, asShown: (output) => output };
const serversOf = new Map<string, PageServers>();

let installed: Installed;
/** Where the page's blocks stand: in the folder into which the package was installed. */
const folderOf = (page: string): string => join(installed.folder, page.replace('.md', ''));

beforeAll(() => {
  installed = packAndInstall();
  const { folder, packageFolder } = installed;
  mkdirSync(join(folder, 'bin'));
  const command = join(folder, 'bin', 'millrace');
  const main = join(packageFolder, packageOf(packageFolder).bin['millrace']!);
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(command, 0o755);
  // Of what examples import themselves.
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', '@types', 'pg'), join(folder, 'node_modules', '@types', 'pg'));
  const types = { types: ['node'], typeRoots: [join(ROOT, 'node_modules', '@types')] };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...USER_TSCONFIG.compilerOptions, ...types, allowImportingTsExtensions: true },
      include: ['*/*.ts'],
    }),
  );
  for (const { name: page, blocks } of pages) {
    mkdirSync(folderOf(page));
    for (const { kind, name, text } of blocks)
      if (kind === 'file' || kind === 'run') writeFileSync(join(folderOf(page), name), text);
  }
}, 180_000);

beforeAll(async () => {
  const needing = pages.filter(({ servers }) => servers.length > 0);
  await Promise.all(
    needing.map(async ({ name, servers }) =>
      serversOf.set(name, await openPageServers(name.replace('.md', ''), servers)),
    ),
  );
});

afterAll(() => {
  if (installed !== undefined) rmSync(dirname(installed.folder), { recursive: true, force: true });
});

test('the examples type-check', async () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const checked = await run(process.execPath, [tsc, '-p', installed.folder], installed.folder);
  expect(checked.stdout).toBe('');
  expect(checked.stderr).toBe('');
}, 60_000);

describe.concurrent('the examples print what the pages say', () => {
  for (const { name, blocks } of pages) {
    const examples = blocks.filter((block) => block.kind !== 'file');
    if (examples.length === 0) continue;
    test(`${name}: ${examples.length}`, async () => {
      const servers = serversOf.get(name) ?? NO_SERVERS;
      for (const example of examples) {
        if (example.kind === 'kafka') await runKafkaTools(example.text, servers);
        else if (example.kind === 'sql') await runSql(example.text, servers);
        else {
          const { stdout, stderr } = await runExample(example, folderOf(name), servers.env);
          const printed = comparable(servers.asShown(stdout));
          expect(printed, `${name}:${example.line}\n${stderr}`).toBe(comparable(example.output));
        }
      }
    }, 240_000);
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

type Env = Readonly<Record<string, string>>;

async function runExample(
  example: Extract<DocsBlock, { kind: 'run' | 'shell' }>,
  cwd: string,
  servers: Env,
): Promise<Ran> {
  return example.kind === 'shell'
    ? await run('/bin/sh', ['-c', example.text], cwd, servers)
    : await run(process.execPath, [example.name], cwd, servers);
}

function run(command: string, args: readonly string[], cwd: string, servers: Env = {}): Promise<Ran> {
  const path = [join(installed.folder, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  const env = { ...process.env, ...servers, PATH: path, NODE_OPTIONS: '', NO_COLOR: '1' };
  return new Promise((done) => {
    // What went wrong is in the output, which the test compares.
    execFile(command, args, { cwd, env, encoding: 'utf8', timeout: 50_000 }, (_error, stdout, stderr) =>
      done({ stdout, stderr }),
    );
  });
}
