/** Imports go only where the code map allows, type imports included, and never in a circle. */
import { importsOf, packageOf, resolveInside, type ImportEdge } from '../imports.ts';
import { folderOf, mayImport, PUBLIC_ENTRY } from '../layers.ts';
import { isTest, lineOf, type Project, type SourceFile, type Violation } from '../project.ts';

/** No I/O here: clock, randomness, stores and network come in through `engine/ports`. */
const PURE =
  /^engine\/(?:model|time|ports|windows|operators|checkpoint|graph|sql\/(?:syntax|catalog|logical|binder|rules|physical))\//;
const IMPURE_CALL =
  /\b(?:Date\.now|performance\.now|Math\.random)\s*\(|(?<![.\w$])set(?:Timeout|Interval|Immediate)\s*\(|\bnew Date\(\)/g;
const TEST_PACKAGES = new Set(['vitest', 'fast-check', 'avsc']);

export function directions(project: Project): Violation[] {
  return project.sources.flatMap((file) =>
    importsOf(file).flatMap((edge) => {
      const message = directionProblem(project, file, edge);
      return message === undefined
        ? []
        : [{ rule: 'directions', path: file.path, line: lineOf(file.text, edge.offset), message }];
    }),
  );
}

function directionProblem(project: Project, file: SourceFile, edge: ImportEdge): string | undefined {
  const target = resolveInside(file.path, edge.specifier);
  if (target === undefined) return packageProblem(project, file, edge.specifier);
  if (target.startsWith('../')) return `${edge.specifier} leaves the repository`;
  if (!/\.(?:[mc]?[jt]s|json)$/.test(target)) return `${edge.specifier}: name the file with its extension`;

  const from = folderOf(file.path);
  const to = folderOf(target) ?? target;
  if (from === undefined) {
    if (PUBLIC_ENTRY.test(file.path) || !file.path.includes('/')) return undefined;
    return 'this folder has no row in the code map; add it to scripts/tidy/layers.ts and docs/ARCHITECTURE.md';
  }
  if (from === 'functions' && PUBLIC_ENTRY.test(target)) return undefined;
  // Tests beside the code drive it from outside too: through the API, over the embedded ports.
  if (isTest(file.path) && file.path.startsWith('engine/')) return undefined;
  const allowed = [from, ...mayImport(from)];
  if (isTest(file.path)) allowed.push('engine/testing');
  if (PUBLIC_ENTRY.test(file.path)) allowed.push('engine');
  if (allowed.some((folder) => to === folder || to.startsWith(`${folder}/`))) return undefined;
  return `${from} may not import ${to} (${edge.specifier}); see the code map in docs/ARCHITECTURE.md`;
}

function packageProblem(project: Project, file: SourceFile, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    return PURE.test(file.path) && !isTest(file.path)
      ? `${specifier} in a pure folder; go through engine/ports`
      : undefined;
  }
  if (!/^(?:engine|functions)\//.test(file.path)) return undefined;
  const name = packageOf(specifier);
  if (name === 'millrace') return file.path.startsWith('functions/') ? undefined : 'import our own file by its path';
  if (TEST_PACKAGES.has(name) && isTest(file.path)) return undefined;
  if (project.runtimePackages.has(name)) return undefined;
  return `${name} is not among the packages that a user of Millrace installs`;
}

export function purity(project: Project): Violation[] {
  return project.sources
    .filter((file) => PURE.test(file.path) && !isTest(file.path))
    .flatMap((file) =>
      [...file.blanked.code.matchAll(IMPURE_CALL)].map((match) => ({
        rule: 'purity',
        path: file.path,
        line: lineOf(file.text, match.index),
        message: `${match[0]} in a pure folder; clock, randomness and network come through engine/ports`,
      })),
    );
}

export function cycles(project: Project): Violation[] {
  const known = new Map(project.sources.map((file) => [file.path, file]));
  const state = new Map<string, 'open' | 'done'>();
  const found: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      const circle = [...trail.slice(trail.indexOf(path)), path];
      found.push({ rule: 'cycles', path, line: 1, message: `imports itself: ${circle.join(' → ')}` });
      return;
    }
    state.set(path, 'open');
    for (const edge of importsOf(known.get(path)!)) {
      const target = edge.kind === 'import' ? resolveInside(path, edge.specifier) : undefined;
      if (target !== undefined && known.has(target)) visit(target, [...trail, path]);
    }
    state.set(path, 'done');
  };
  for (const path of known.keys()) visit(path, []);
  return found;
}
