/**
 * What a user gets: packs this checkout, installs the tarball into an empty folder and uses it there.
 * Nothing here reaches a network: dependencies and TypeScript come from this checkout's node_modules.
 *
 * The checkout is copied before it is built, so that `prepack` runs as in a release, no earlier build can hide a missing
 * file, and nobody else's `dist` is touched.
 *
 * `node scripts/pack-smoke.ts` does it all and leaves the folder for a look.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markedBlock } from './marked-block.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKED_FROM = ['engine', 'functions', 'infra', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
const PACKED_IF_THERE = ['README.md', 'LICENSE', 'CHANGELOG.md', '.npmrc'];

/** A user's compiler settings; no @types/node, and library files are checked as well. */
export const USER_TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    erasableSyntaxOnly: true,
    skipLibCheck: false,
    types: [],
    noEmit: true,
  },
  files: ['job.ts'],
};

export interface Installed {
  /** The user's folder: `package.json`, `tsconfig.json`, `node_modules/millrace`. */
  readonly folder: string;
  readonly packageFolder: string;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  /** Both streams, for messages. */
  readonly output: string;
}

/** Packs and installs into a fresh folder below the system's temporary folder. The caller removes `dirname(folder)`. */
export function packAndInstall(): Installed {
  const work = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
  try {
    return packAndInstallIn(work);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

function packAndInstallIn(work: string): Installed {
  const checkout = join(work, 'checkout');
  for (const name of PACKED_FROM) cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  for (const name of PACKED_IF_THERE) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(checkout, name));
  }
  mkdirSync(join(checkout, 'scripts'));
  cpSync(join(ROOT, 'scripts', 'clean-dist.ts'), join(checkout, 'scripts', 'clean-dist.ts'));
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));

  const packed = run('npm', ['pack', '--pack-destination', work, '--offline', '--loglevel=error'], checkout);
  if (packed.status !== 0) throw new Error(`npm pack failed:\n${packed.output}`);
  const { name, version, dependencies } = packageOf(checkout);

  const folder = join(work, 'user');
  const packageFolder = join(folder, 'node_modules', name);
  mkdirSync(packageFolder, { recursive: true });
  execFileSync('tar', ['-xzf', join(work, `${name}-${version}.tgz`), '-C', packageFolder, '--strip-components=1']);
  for (const dependency of [...Object.keys(dependencies), 'typescript']) {
    const link = join(folder, 'node_modules', dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', dependency), link);
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(USER_TSCONFIG));
  return { folder, packageFolder };
}

export function packageOf(folder: string): {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
} {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ReturnType<typeof packageOf>;
}

export function typeCheck(installed: Installed, jobText: string): Ran {
  writeFileSync(join(installed.folder, 'job.ts'), jobText);
  return run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], installed.folder);
}

export function runNode(installed: Installed, ...args: readonly string[]): Ran {
  return run(process.execPath, args, installed.folder);
}

/** The README's first job and the output that it promises. */
export function readmeExample(): { readonly job: string; readonly output: string } {
  const path = join(ROOT, 'README.md');
  if (!existsSync(path)) throw new Error('README.md is missing; it holds the first job');
  const readme = readFileSync(path, 'utf8');
  return { job: markedBlock(readme, 'example: first-job', 'ts'), output: markedBlock(readme, 'output: first-job') };
}

function run(command: string, args: readonly string[], cwd: string): Ran {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
  };
  // Conditions and hooks of the process that runs the tests are not the user's.
  delete env.NODE_OPTIONS;
  const result = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: 120_000 });
  if (result.error !== undefined) throw result.error;
  return { status: result.status, stdout: result.stdout, output: result.stdout + result.stderr };
}

function main(): void {
  const example = readmeExample();
  const installed = packAndInstall();
  console.log(`installed in ${installed.folder}`);
  const types = typeCheck(installed, example.job);
  const job = types.status === 0 ? runNode(installed, 'job.ts') : types;
  console.log(job.output);
  process.exitCode = job.status === 0 && job.stdout.trim() === example.output.trim() ? 0 : 1;
  console.log(process.exitCode === 0 ? 'the packed package works' : 'not what README.md promises');
}

if (import.meta.main) main();
