/** Which modules a file names: import, export-from, dynamic import, import types, and `new URL(…, import.meta.url)` for workers. */
import { posix } from 'node:path';
import type { SourceFile } from './project.ts';

export interface ImportEdge {
  readonly specifier: string;
  readonly offset: number;
  /** A worker's entry: it counts for the folder directions; it cannot be part of an import cycle. */
  readonly kind: 'import' | 'worker';
}

const IMPORTS = /\b(?:from|import)\s*(?:\(\s*)?(['"`])/g;
const WORKERS = /\bnew\s+URL\s*\(\s*(['"])[^'"]*\1\s*,\s*import\.meta\.url/g;

export function importsOf(file: SourceFile): ImportEdge[] {
  return [...edges(file, IMPORTS, 'import'), ...edges(file, WORKERS, 'worker')];
}

function* edges(file: SourceFile, pattern: RegExp, kind: ImportEdge['kind']): Generator<ImportEdge> {
  for (const match of file.blanked.code.matchAll(pattern)) {
    // `Array.from('x')` and the like are calls, not imports.
    if (match[0].startsWith('from') && match[0].includes('(')) continue;
    const open = match.index + match[0].indexOf(match[1]!) + 1;
    const close = file.blanked.code.indexOf(match[1]!, open);
    const specifier = file.blanked.withStrings.slice(open, close);
    if (kind === 'worker' && !/\.[jt]s$/.test(specifier)) continue;
    yield { specifier, offset: match.index, kind };
  }
}

/** The path that a relative specifier means, from the root of the repository; undefined for packages. */
export function resolveInside(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined;
}

/** `@scope/name/deep` → `@scope/name`, `name/deep` → `name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
