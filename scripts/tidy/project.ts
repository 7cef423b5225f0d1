/**
 * What the tidy rules look at: the texts of a tree, with paths relative to its root and `/` between folders.
 * Rules take a `Project` and return violations, so that a test can hand them sources that exist only in memory.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blank, type Blanked } from './blank.ts';

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** The same text, same offsets, without comments; see `blank.ts`. */
  readonly blanked: Blanked;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface Project {
  /** Every TypeScript file of ours. */
  readonly sources: readonly SourceFile[];
  /** Other texts that people write: markdown, JSON, shell. */
  readonly texts: readonly TextFile[];
  /** Packages that a user who installs Millrace has: dependencies, peer and optional ones. */
  readonly runtimePackages: ReadonlySet<string>;
}

export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** The folders that hold our TypeScript; files directly in the root count as well. */
const ROOTS = ['engine', 'functions', 'infra', 'test-local', 'bench', 'scripts', 'docs', '.ci'];
const SKIPPED = new Set(['node_modules', 'dist', '.millrace', '.cache', 'coverage', 'data', 'results']);

export function projectOf(files: Readonly<Record<string, string>>, runtimePackages: readonly string[] = []): Project {
  const sources: SourceFile[] = [];
  const texts: TextFile[] = [];
  for (const [path, text] of Object.entries(files)) {
    if (path.endsWith('.ts')) sources.push({ path, text, blanked: blank(text) });
    else texts.push({ path, text });
  }
  return { sources, texts, runtimePackages: new Set(runtimePackages) };
}

export function readProject(root: string): Project {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isFile() && isText(entry.name)) files[entry.name] = readFileSync(join(root, entry.name), 'utf8');
    else if (entry.isDirectory() && ROOTS.includes(entry.name)) readFolder(root, entry.name, files);
  }
  return projectOf(files, runtimePackagesOf(files['package.json'] ?? '{}'));
}

function readFolder(root: string, folder: string, into: Record<string, string>): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) readFolder(root, path, into);
    } else if (isText(path)) into[path] = readFileSync(join(root, path), 'utf8');
  }
}

function isText(path: string): boolean {
  return (/\.(ts|md|json|sh|ya?ml)$/.test(path) && !path.endsWith('package-lock.json')) || path === '.ci/run';
}

function runtimePackagesOf(packageJson: string): string[] {
  const parsed = JSON.parse(packageJson) as Record<string, Record<string, string> | undefined>;
  return ['dependencies', 'peerDependencies', 'optionalDependencies'].flatMap((key) => Object.keys(parsed[key] ?? {}));
}

export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

export function isTest(path: string): boolean {
  // What only tests use, too: kits and fixtures beside them (not in the package: tsconfig.build.json).
  return /(?:\.test|-kit|-fixture)\.ts$/.test(path) || path.startsWith('engine/testing/contracts/');
}
